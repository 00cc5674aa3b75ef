// The helper of the method system-net-mail: hands one message over by System.Net.Mail and says what became of it.
//
// Standard input: the job, one line of JSON, then the message's body until the end. Standard output: an empty line when it
// begins to send, and the outcome, one line of JSON. Both are described in mod.rs and helper.rs. It is started for one message by the mailer, under its account and
// within its bounds, and ended by it when it takes too long. What is secret comes in the job and goes nowhere else.
//
// System.Net.Mail takes parts and composes the message itself. A message that is finished, perhaps signed, goes through it
// as one part: an alternate view that is alone is the message's content, with its own Content-Type, and its bytes are sent
// as they are (tests hold that). The header is given field by field.

using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;

// Without it, .NET Framework would behave as its version 4.0 did, and not know TLS 1.2.
[assembly: TargetFramework(".NETFramework,Version=v4.7.2")]

static class FaxpostNetMail {
    static readonly bool OnMono = Type.GetType("Mono.Runtime") != null;

    static int Main() {
        Hide();
        // What goes wrong is told in the language of the log.
        Thread.CurrentThread.CurrentCulture = Thread.CurrentThread.CurrentUICulture = CultureInfo.InvariantCulture;
        var outcome = new Dictionary<string, object>();
        try {
            var input = new BufferedStream(Console.OpenStandardInput(), 65536);
            var job = new Job(input);
            Send(job, outcome);
        } catch (Exception error) {
            Failure.From(error).Tell(outcome);
        }
        var bytes = Encoding.ASCII.GetBytes(Json.Write(outcome) + "\n");
        var output = Console.OpenStandardOutput();
        output.Write(bytes, 0, bytes.Length);
        output.Flush();
        return 0;
    }

    // A password passes through this memory: no other process of the account may look into it.
    static void Hide() {
        try {
            if (OnMono) prctl(4, 0, 0, 0, 0); // PR_SET_DUMPABLE
        } catch (EntryPointNotFoundException) {
        } catch (DllNotFoundException) {
        }
    }

    [DllImport("libc")]
    static extern int prctl(int option, UIntPtr one, UIntPtr two, UIntPtr three, UIntPtr four);

    static int prctl(int option, uint one, uint two, uint three, uint four) {
        return prctl(option, (UIntPtr)one, (UIntPtr)two, (UIntPtr)three, (UIntPtr)four);
    }

    static void Send(Job job, Dictionary<string, object> outcome) {
        // From here on something may be sent: whoever ends before has sent nothing.
        var begun = Console.OpenStandardOutput();
        begun.WriteByte((byte)'\n');
        begun.Flush();
        var check = new ServerCheck(job);
        var refused = new List<Refusal>();
        var recipients = job.Recipients;
        try {
            Reply answer;
            while (true) {
                try {
                    answer = OnMono ? MonoClient.Send(job, recipients, check) : Framework.Send(job, recipients, check);
                    break;
                } catch (Refused some) {
                    refused.AddRange(some.Refusals);
                    // .NET sends to the others all the same, Mono to nobody; then the others are tried without these.
                    if (some.OthersHaveIt) {
                        answer = some.Answer;
                        break;
                    }
                    var left = recipients.FindAll(one => !refused.Exists(no => Same(no.Address, one)));
                    if (left.Count == 0) throw new Failure("Recipient", "RecipientRejected", "the server refused every recipient", refused[0].Reply);
                    // The same once more would come to the same, without end.
                    if (left.Count == recipients.Count) throw some.Unclear(left.Count);
                    recipients = left;
                }
            }
            outcome["answer"] = answer.Told();
        } catch (Exception error) {
            (check.Objection ?? Failure.From(error)).Tell(outcome);
        }
        outcome["refused"] = refused.ConvertAll(one => one.Told());
        outcome["tls"] = check.Told();
        outcome["remarks"] = job.Remarks;
    }

    public static bool Same(string one, string other) {
        return string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
    }
}

// What is to be done.
sealed class Job {
    public readonly string Server, Check, Pin, Login, Password, Sender, Subject, ContentType, Encoding;
    public readonly int Port;
    public readonly bool Starttls;
    public readonly TimeSpan Connect, Command, Data, Final;
    public readonly List<string> Recipients;
    public readonly MailAddress From;
    public readonly string RawFrom;
    public readonly List<MailAddress> To, Cc, ReplyTo;
    public readonly bool ShowsTo, ShowsCc;
    // Name, value as it stands in the header, value as people read it.
    public readonly List<string[]> Fields;
    public readonly List<string> Notify;
    public readonly byte[] Body;
    public readonly List<string> Remarks = new List<string>();

    public Job(Stream input) {
        var line = new MemoryStream();
        for (int next; (next = input.ReadByte()) != '\n'; line.WriteByte((byte)next)) {
            if (next < 0) throw new FormatException("the job ends too early");
        }
        var job = (Dictionary<string, object>)Json.Read(System.Text.Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length));
        Func<string, string> text = name => (string)job[name];
        Func<string, TimeSpan> seconds = name => TimeSpan.FromSeconds((long)job[name]);
        Func<string, List<MailAddress>> mailboxes = name => ((List<object>)job[name]).ConvertAll(Mailbox);
        Server = text("server");
        Port = (int)(long)job["port"];
        Starttls = (bool)job["starttls"];
        Check = text("check");
        Pin = text("pin");
        Login = text("login");
        Password = text("password");
        Connect = seconds("connect");
        Command = seconds("command");
        Data = seconds("data");
        Final = seconds("final_answer");
        Sender = text("sender");
        Recipients = ((List<object>)job["recipients"]).ConvertAll(one => (string)one);
        From = Mailbox(job["from"]);
        RawFrom = text("raw_from");
        To = mailboxes("to");
        Cc = mailboxes("cc");
        ReplyTo = mailboxes("reply_to");
        ShowsTo = (bool)job["shows_to"];
        ShowsCc = (bool)job["shows_cc"];
        Subject = text("subject");
        Fields = ((List<object>)job["fields"]).ConvertAll(one => ((List<object>)one).ConvertAll(part => (string)part).ToArray());
        ContentType = text("content_type");
        Encoding = text("encoding");
        var notify = (List<object>)job["notify"];
        Notify = notify == null ? null : notify.ConvertAll(one => (string)one);
        var body = new MemoryStream();
        input.CopyTo(body);
        Body = body.ToArray();
    }

    static MailAddress Mailbox(object value) {
        var mailbox = (Dictionary<string, object>)value;
        return new MailAddress((string)mailbox["address"], (string)mailbox["name"], System.Text.Encoding.UTF8);
    }

    // The message's content: one part, whatever it is made of.
    public AlternateView Content() {
        TransferEncoding encoding = TransferEncoding.Base64;
        byte[] bytes = Body;
        switch (Encoding) {
            case "base64": bytes = Convert.FromBase64String(System.Text.Encoding.ASCII.GetString(Body)); break;
            case "quoted-printable": bytes = QuotedPrintable(Body); break;
            default:
                if (Array.TrueForAll(Body, one => one < 128)) {
                    encoding = TransferEncoding.SevenBit;
                } else if (ContentType.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) || ContentType.StartsWith("message/", StringComparison.OrdinalIgnoreCase)) {
                    // Only a server with 8BITMIME could take it, and the library does not let itself be asked that; encoding a
                    // whole of several parts is not allowed.
                    throw new Failure("Message", "MessageRejected", "System.Net.Mail cannot send a message of several parts with characters above 127: secure-smtp-client can", null);
                }
                break;
        }
        var view = new AlternateView(new MemoryStream(bytes), new ContentType(ContentType));
        view.TransferEncoding = encoding;
        return view;
    }

    static byte[] QuotedPrintable(byte[] text) {
        var made = new MemoryStream(text.Length);
        for (int at = 0; at < text.Length; at++) {
            int high, low;
            if (text[at] != '=') {
                made.WriteByte(text[at]);
            } else if (at + 2 < text.Length && text[at + 1] == '\r' && text[at + 2] == '\n') {
                at += 2; // a soft line break
            } else if (at + 2 < text.Length && (high = Hex(text[at + 1])) >= 0 && (low = Hex(text[at + 2])) >= 0) {
                made.WriteByte((byte)(high * 16 + low));
                at += 2;
            } else {
                made.WriteByte(text[at]);
            }
        }
        return made.ToArray();
    }

    static int Hex(byte digit) {
        return "0123456789ABCDEF".IndexOf(char.ToUpperInvariant((char)digit));
    }

    public DeliveryNotificationOptions NotifyOptions() {
        if (Notify == null) return DeliveryNotificationOptions.None;
        if (Notify.Count == 0) return DeliveryNotificationOptions.Never;
        var options = DeliveryNotificationOptions.None;
        if (Notify.Contains("Success")) options |= DeliveryNotificationOptions.OnSuccess;
        if (Notify.Contains("Failure")) options |= DeliveryNotificationOptions.OnFailure;
        if (Notify.Contains("Delay")) options |= DeliveryNotificationOptions.Delay;
        return options;
    }
}

// On .NET Framework everything goes by the public way.
static class Framework {
    public static Reply Send(Job job, List<string> recipients, ServerCheck check) {
        ServicePointManager.SecurityProtocol = (SecurityProtocolType)3072; // TLS 1.2
        try {
            ServicePointManager.SecurityProtocol |= (SecurityProtocolType)12288; // TLS 1.3, where the system has it
        } catch (NotSupportedException) {
        }
        ServicePointManager.ServerCertificateValidationCallback = check.Judge;
        using (var message = Message(job, recipients))
        using (var smtp = new SmtpClient(job.Server, job.Port)) {
            smtp.EnableSsl = job.Starttls;
            var patience = job.Connect + job.Command + job.Command + job.Data + job.Final;
            smtp.Timeout = (int)Math.Min(patience.TotalMilliseconds, int.MaxValue);
            smtp.UseDefaultCredentials = false;
            if (job.Login != null) smtp.Credentials = new NetworkCredential(job.Login, job.Password);
            try {
                smtp.Send(message);
            } catch (SmtpFailedRecipientsException several) {
                throw Some(several.InnerExceptions, recipients.Count);
            } catch (SmtpFailedRecipientException one) {
                throw Some(new[] { one }, recipients.Count);
            }
        }
        return new Reply(250, "taken; System.Net.Mail does not tell the server's words");
    }

    static Refused Some(SmtpFailedRecipientException[] failed, int recipients) {
        var refusals = new List<Refusal>();
        foreach (var one in failed) {
            var address = (one.FailedRecipient ?? "").Trim('<', '>');
            refusals.Add(new Refusal(address, new Reply((int)one.StatusCode, one.Message)));
        }
        return new Refused(refusals, refusals.Count < recipients, new Reply(250, "taken for the others"));
    }

    static MailMessage Message(Job job, List<string> recipients) {
        var message = new MailMessage();
        message.From = job.From;
        if (job.Sender.Length > 0 && !FaxpostNetMail.Same(job.Sender, job.From.Address)) {
            // The only way to another MAIL FROM; it shows as a field of that name.
            message.Sender = new MailAddress(job.Sender);
        } else if (job.Sender.Length == 0) {
            job.Remarks.Add("System.Net.Mail knows no empty sender: MAIL FROM is that of the header");
        }
        // Whoever stands in one of these fields gets the message: only those who are to have it may.
        Show(job, job.ShowsTo, job.To, message.To, "To");
        Show(job, job.ShowsCc, job.Cc, message.CC, "Cc");
        foreach (var one in recipients) {
            Func<MailAddress, bool> shown = other => FaxpostNetMail.Same(other.Address, one);
            if (!Any(message.To, shown) && !Any(message.CC, shown)) message.Bcc.Add(new MailAddress(one));
        }
        foreach (var one in job.ReplyTo) message.ReplyToList.Add(one);
        message.SubjectEncoding = message.HeadersEncoding = Encoding.UTF8;
        message.Subject = job.Subject;
        foreach (var field in job.Fields) {
            switch (field[0].ToLowerInvariant()) {
                case "to": case "cc": case "reply-to": case "subject": break;
                default: message.Headers.Add(field[0], field[2]); break;
            }
        }
        message.DeliveryNotificationOptions = job.NotifyOptions();
        message.AlternateViews.Add(job.Content());
        return message;
    }

    static void Show(Job job, bool all, List<MailAddress> from, MailAddressCollection to, string name) {
        if (all) foreach (var one in from) to.Add(one);
        else if (from.Count > 0) job.Remarks.Add("System.Net.Mail would send to everybody in " + name + ", so that field is left out");
    }

    static bool Any(MailAddressCollection list, Func<MailAddress, bool> wanted) {
        foreach (var one in list) if (wanted(one)) return true;
        return false;
    }
}

// What a server's certificate is to be.
sealed class ServerCheck {
    readonly Job job;
    readonly List<string> chain = new List<string>();
    public Failure Objection;
    public string Version = "", Cipher = "";

    public ServerCheck(Job job) {
        this.job = job;
    }

    public bool Judge(object sender, X509Certificate certificate, X509Chain links, SslPolicyErrors errors) {
        chain.Clear();
        if (certificate == null) return Object("TlsFailed", "the server showed no certificate");
        chain.Add(Convert.ToBase64String(certificate.GetRawCertData()));
        if (job.Check == "accept-invalid") return true;
        if (job.Check == "pinned") {
            return Pin.Fits(certificate.GetRawCertData(), job.Pin) || Object("PinMismatch", "the server's certificate is not the pinned one");
        }
        if (errors == SslPolicyErrors.None) return true;
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0) return Object("CertificateName", "the server's certificate is for another name");
        var read = new X509Certificate2(certificate);
        if (DateTime.Now > read.NotAfter) return Object("CertificateExpired", "the server's certificate has expired");
        if (DateTime.Now < read.NotBefore) return Object("CertificateExpired", "the server's certificate is not valid yet");
        return Object("CertificateUntrusted", "the issuer of the server's certificate is not trusted by this computer's .NET");
    }

    bool Object(string kind, string text) {
        Objection = new Failure("Tls", kind, text, null);
        return false;
    }

    public object Told() {
        if (chain.Count == 0) return null;
        return new Dictionary<string, object> { { "version", Version }, { "cipher", Cipher }, { "chain", chain } };
    }
}

// A pin is the SHA-256 of a certificate, or of the public key in it (its SubjectPublicKeyInfo).
static class Pin {
    public static bool Fits(byte[] certificate, string pin) {
        if (Digest(certificate, 0, certificate.Length) == pin) return true;
        try {
            int at = Inside(certificate, 0), fields = 6;
            at = Inside(certificate, at);
            if (certificate[at] == 0xa0) at = End(certificate, at); // the version
            // Serial number, algorithm, issuer, validity, subject; then the key.
            while (--fields > 0) at = End(certificate, at);
            return Digest(certificate, at, End(certificate, at) - at) == pin;
        } catch (IndexOutOfRangeException) {
            return false;
        } catch (ArgumentException) {
            return false;
        } catch (OverflowException) {
            return false;
        }
    }

    static string Digest(byte[] bytes, int from, int count) {
        using (var sha = System.Security.Cryptography.SHA256.Create()) {
            return BitConverter.ToString(sha.ComputeHash(bytes, from, count)).Replace("-", "").ToLowerInvariant();
        }
    }

    // Where the content of the DER value at this place begins, and where it ends.
    static int Inside(byte[] der, int at) {
        return at + 2 + (der[at + 1] < 0x80 ? 0 : der[at + 1] & 0x7f);
    }

    static int End(byte[] der, int at) {
        int from = Inside(der, at), length = der[at + 1];
        if (length >= 0x80) {
            length = 0;
            for (int digit = at + 2; digit < from; digit++) length = checked(length * 256 + der[digit]);
        }
        return from + length;
    }
}

// A server's answer.
sealed class Reply {
    public readonly int Code;
    readonly List<string> lines;

    public Reply(int code, params string[] lines) {
        Code = code;
        this.lines = new List<string>(lines);
    }

    public Dictionary<string, object> Told() {
        return new Dictionary<string, object> { { "code", Code }, { "lines", lines } };
    }
}

// A recipient that the server did not take.
sealed class Refusal {
    public readonly string Address;
    public readonly Reply Reply;

    public Refusal(string address, Reply reply) {
        Address = address;
        Reply = reply;
    }

    public object Told() {
        var told = Reply.Told();
        told["address"] = Address;
        return told;
    }
}

// Some recipients were refused.
sealed class Refused : Exception {
    public readonly List<Refusal> Refusals;
    public readonly bool OthersHaveIt;
    public readonly Reply Answer;

    public Refused(List<Refusal> refusals, bool othersHaveIt, Reply answer) {
        Refusals = refusals;
        OthersHaveIt = othersHaveIt;
        Answer = answer;
    }

    // Whom the server refused cannot be told: .NET takes an answer for a refusal that is none, or names nobody who was asked for.
    public Failure Unclear(int recipients) {
        var reply = Refusals.Count > 0 ? Refusals[Refusals.Count - 1].Reply : Answer;
        if (reply.Code < 400 || reply.Code > 599) {
            return new Failure("Recipient", "NotSmtp", "the server gave an unexpected answer to a recipient", reply);
        }
        // For all of them it cannot be for good.
        string kind = recipients == 1 ? "RecipientRejected" : "MailerFailed";
        return new Failure("Recipient", kind, "the server refused a recipient, and .NET does not tell which", reply);
    }
}

// Why it did not go. Steps and kinds are the mailer's words.
sealed class Failure : Exception {
    readonly string step, kind;
    readonly Reply reply;

    public Failure(string step, string kind, string text, Reply reply) : base(text) {
        this.step = step;
        this.kind = kind;
        this.reply = reply;
    }

    public void Tell(Dictionary<string, object> outcome) {
        outcome["failure"] = new Dictionary<string, object> {
            { "step", step }, { "kind", kind }, { "text", Message }, { "reply", reply == null ? null : reply.Told() },
        };
    }

    // By what the libraries throw: the innermost one says most.
    public static Failure From(Exception error) {
        while (error is TargetInvocationException && error.InnerException != null) error = error.InnerException;
        var known = error as Failure;
        if (known != null) return known;
        var smtp = error as SmtpException;
        var words = Words(error);
        for (var cause = error; cause != null; cause = cause.InnerException) {
            if (cause is Failure) return (Failure)cause;
            var socket = cause as SocketException;
            if (socket != null) return new Failure("Connect", Kind(socket.SocketErrorCode), words, null);
            var web = cause as WebException;
            if (web != null && web.Status == WebExceptionStatus.NameResolutionFailure) return new Failure("Resolve", "NameNotFound", words, null);
            if (web != null && web.InnerException == null) return new Failure("Connect", "ConnectionRefused", words, null);
            if (cause is AuthenticationException || cause is Win32Exception) return new Failure("Tls", "TlsFailed", words, null);
        }
        if (smtp != null && (int)smtp.StatusCode > 0) {
            var reply = new Reply((int)smtp.StatusCode, smtp.Message);
            switch ((int)smtp.StatusCode) {
                case 530: case 534: case 535: case 538: return new Failure("SignIn", "AuthRejected", words, reply);
                case 454: return new Failure("SignIn", "AuthTemporary", words, reply);
                case 421: return new Failure("Connect", "SessionRefused", words, reply);
                case 552: return new Failure("Message", "TooLarge", words, reply);
                default: return new Failure("Message", "MessageRejected", words, reply);
            }
        }
        if (smtp != null && words.Contains("secure connections")) return new Failure("Tls", "StarttlsMissing", "the server does not offer STARTTLS, which these settings require", null);
        // Broken or given up somewhere: perhaps after the end of the message.
        if (smtp != null || error is IOException) return new Failure("Message", "Uncertain", words, null);
        return new Failure("Message", "MailerFailed", error.GetType().Name + ": " + words, null);
    }

    static string Words(Exception error) {
        var words = new List<string>();
        for (; error != null; error = error.InnerException) if (!words.Contains(error.Message)) words.Add(error.Message);
        return string.Join(": ", words);
    }

    public static string Kind(SocketError error) {
        switch (error) {
            case SocketError.HostNotFound: case SocketError.NoData: return "NameNotFound";
            case SocketError.TryAgain: case SocketError.NoRecovery: return "ResolverFailed";
            case SocketError.ConnectionRefused: return "ConnectionRefused";
            case SocketError.TimedOut: return "TimedOut";
            case SocketError.ConnectionReset: case SocketError.ConnectionAborted: case SocketError.Shutdown: return "ConnectionLost";
            default: return "Unreachable";
        }
    }
}
