// Mono's SmtpClient asks for TLS 1.0 and nothing newer, drops the server's words, folds no header line, and puts a name that
// it has encoded into quotes. So on Mono the connection is made here, with TLS 1.2 by SslStream, and given to the client;
// it speaks the rest of SMTP on it, signs in and writes the message. What it says passes through `Wire`, which remembers how
// far it got. Mono is not developed any more, so the private names that this needs stay; where they do not, it says so.

using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Mail;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Authentication;
using System.Text;

static class MonoClient {
    const BindingFlags Private = BindingFlags.NonPublic | BindingFlags.Instance;

    public static Reply Send(Job job, List<string> recipients, ServerCheck check) {
        using (var tcp = Connect(job))
        using (var wire = new Wire(tcp, job))
        using (var message = Message(job, recipients))
        using (var smtp = new SmtpClient(job.Server, job.Port)) {
            wire.Secure(check);
            if (job.Login != null) smtp.Credentials = new NetworkCredential(job.Login, job.Password);
            try {
                Set(smtp, "stream", wire);
                Set(smtp, "writer", new StreamWriter(wire));
                Set(smtp, "reader", new StreamReader(wire));
                Method("SendCore").Invoke(smtp, new object[] { message });
            } catch (TargetInvocationException wrapped) {
                var several = wrapped.InnerException as SmtpFailedRecipientsException;
                if (several != null || wrapped.InnerException is SmtpFailedRecipientException) throw new Refused(wire.Refusals, false, wire.LastReply());
                throw wire.Failed(wrapped.InnerException);
            }
            return wire.Taken;
        }
    }

    static MethodInfo Method(string name) {
        var method = typeof(SmtpClient).GetMethod(name, Private);
        if (method == null) throw Unknown(name);
        return method;
    }

    static void Set(SmtpClient smtp, string name, object value) {
        var field = typeof(SmtpClient).GetField(name, Private);
        if (field == null) throw Unknown(name);
        field.SetValue(smtp, value);
    }

    static Failure Unknown(string name) {
        return new Failure("Connect", "MailerFailed", "this version of Mono is not known: its SmtpClient has no " + name, null);
    }

    static TcpClient Connect(Job job) {
        IPAddress[] addresses;
        try {
            addresses = Dns.GetHostAddresses(job.Server);
        } catch (SocketException error) {
            throw new Failure("Resolve", Failure.Kind(error.SocketErrorCode), "the name " + job.Server + " cannot be looked up: " + error.Message, null);
        }
        if (addresses.Length == 0) throw new Failure("Resolve", "NameNotFound", "the name " + job.Server + " has no address", null);
        Failure last = null;
        foreach (var address in addresses) {
            var tcp = new TcpClient(address.AddressFamily) { NoDelay = true };
            try {
                var connecting = tcp.BeginConnect(address, job.Port, null, null);
                if (connecting.AsyncWaitHandle.WaitOne(job.Connect)) {
                    tcp.EndConnect(connecting);
                    job.Remarks.Add("connected to " + new IPEndPoint(address, job.Port));
                    return tcp;
                }
                last = new Failure("Connect", "TimedOut", address + " did not answer in time", null);
            } catch (SocketException error) {
                last = new Failure("Connect", Failure.Kind(error.SocketErrorCode), address + ": " + error.Message, null);
            }
            tcp.Close();
        }
        throw last;
    }

    // The envelope stands in From, To and Bcc; what readers see is given as it is. Its own fields Date and Priority the client
    // adds itself.
    static MailMessage Message(Job job, List<string> recipients) {
        var message = new MailMessage();
        message.From = new Envelope(job.Sender, job.RawFrom);
        var to = job.Fields.Find(field => field[0].Equals("To", StringComparison.OrdinalIgnoreCase));
        // Without one it would write an empty field.
        message.To.Add(new Envelope(recipients[0], to == null ? "undisclosed-recipients:;" : to[1]));
        foreach (var one in recipients.GetRange(1, recipients.Count - 1)) message.Bcc.Add(new MailAddress(one));
        foreach (var field in job.Fields) {
            if (field[0].Equals("Subject", StringComparison.OrdinalIgnoreCase)) message.Subject = field[1];
            else if (field != to) message.Headers.Add(field[0], field[1]);
        }
        if (job.Notify != null) job.Remarks.Add("Mono's SmtpClient asks for no reports of delivery");
        message.Body = null;
        message.AlternateViews.Add(job.Content());
        return message;
    }

    // One address in the envelope, and another text in the header.
    sealed class Envelope : MailAddress {
        readonly string field;

        public Envelope(string address, string field) : base(address.Length > 0 ? address : Wire.Nobody) {
            this.field = field;
        }

        public override string ToString() {
            return field;
        }
    }
}

// The connection as the client sees it: after STARTTLS it begins once more with a greeting.
sealed class Wire : Stream {
    // Stands for the empty sender, which no MailAddress can be.
    public const string Nobody = "nobody@sender.invalid";
    readonly Job job;
    readonly StringBuilder line = new StringBuilder();
    readonly List<string> reply = new List<string>();
    readonly StringBuilder heard = new StringBuilder();
    Stream inner;
    byte[] pending = new byte[0];
    string step = "Connect", recipient = "", tail = "\r\n";
    bool content, finalDot, signedIn, ended;
    public readonly List<Refusal> Refusals = new List<Refusal>();
    // The answer to the whole message.
    public Reply Taken;

    public Wire(TcpClient tcp, Job job) {
        this.job = job;
        inner = tcp.GetStream();
        Patience(job.Command);
    }

    // Greeting, EHLO, STARTTLS and the handshake; without TLS the greeting is left to the client.
    public void Secure(ServerCheck check) {
        if (!job.Starttls) return;
        try {
            Expect(220, "SessionRefused", "the session");
            step = "Tls";
            Say("EHLO " + Dns.GetHostName());
            Expect(250, "SessionRefused", "EHLO");
            if (!reply.Exists(one => one.Trim().Equals("STARTTLS", StringComparison.OrdinalIgnoreCase))) {
                throw new Failure("Tls", "StarttlsMissing", "the server does not offer STARTTLS, which these settings require", null);
            }
            Say("STARTTLS");
            Expect(220, "TlsFailed", "STARTTLS");
            // What came before TLS does not count after it (RFC 3207).
            if (pending.Length > 0 || heard.Length > 0) throw new Failure("Tls", "TlsFailed", "the server spoke between STARTTLS and TLS", null);
            var tls = new SslStream(inner, false, check.Judge);
            tls.AuthenticateAsClient(job.Server, null, SslProtocols.Tls12, false);
            check.Version = "TLSv1.2";
            inner = tls;
            Patience(job.Command);
            step = "Ehlo";
            reply.Clear();
            pending = Encoding.ASCII.GetBytes("220 TLS\r\n");
        } catch (AuthenticationException error) {
            throw new Failure("Tls", "TlsFailed", "the TLS handshake failed: " + Innermost(error), null);
        } catch (IOException error) {
            throw Failed(error);
        }
    }

    public Reply LastReply() {
        int code = 0;
        if (last.Length > 2) int.TryParse(last.Substring(0, 3), out code);
        return new Reply(code, reply.ToArray());
    }

    // Why the client gave up, by what was said last.
    public Failure Failed(Exception error) {
        var known = error as Failure ?? error.InnerException as Failure;
        if (known != null) return known;
        bool slow = false, broken = false;
        for (var cause = error; cause != null; cause = cause.InnerException) {
            var socket = cause as SocketException;
            slow |= socket != null && (socket.SocketErrorCode == SocketError.TimedOut || socket.SocketErrorCode == SocketError.WouldBlock);
            broken |= socket != null || cause is IOException;
        }
        string how = slow ? "the server did not answer in time" : "the connection broke: " + Innermost(error);
        if (broken && finalDot) return new Failure("Message", "Uncertain", "whether the message was taken is not known: " + how, null);
        if (broken) return new Failure(step, slow ? "TimedOut" : "ConnectionLost", how, null);
        if (ended && finalDot) return new Failure("Message", "Uncertain", "the server closed the connection without an answer to the message", null);
        if (ended && !Refuses()) return new Failure(step, "ConnectionLost", "the server closed the connection", null);
        if (Refuses()) return Refusal();
        if (step == "SignIn" || error is NotSupportedException || error is InvalidOperationException) {
            return new Failure("SignIn", "NoMechanism", "the server offers no sign-in that System.Net.Mail knows: " + error.Message, null);
        }
        if (last.Length > 0 && !char.IsDigit(last[0])) return new Failure(step, "NotSmtp", "what answers is no mail server: " + last, null);
        return new Failure(step, finalDot ? "Uncertain" : "MailerFailed", error.GetType().Name + ": " + error.Message, null);
    }

    bool Refuses() {
        int code = LastReply().Code;
        return code >= 400 && code < 600;
    }

    Failure Refusal() {
        var answer = LastReply();
        if (answer.Code == 421) return new Failure(step, "SessionRefused", "the server refused the session: " + last, answer);
        string kind, what;
        switch (step) {
            case "Connect": case "Ehlo": kind = "SessionRefused"; what = "the session"; break;
            case "Tls": kind = "TlsFailed"; what = "STARTTLS"; break;
            case "SignIn": kind = answer.Code < 500 ? "AuthTemporary" : "AuthRejected"; what = "the sign-in"; break;
            case "Sender": kind = "SenderRejected"; what = "the sender"; break;
            case "Recipient": kind = "RecipientRejected"; what = "the recipient"; break;
            default: kind = "MessageRejected"; what = "the message"; break;
        }
        return new Failure(step, kind, "the server refused " + what + ": " + last, answer);
    }

    void Say(string command) {
        var bytes = Encoding.ASCII.GetBytes(command + "\r\n");
        Write(bytes, 0, bytes.Length);
    }

    // Reads a whole reply, byte by byte: what follows it is TLS.
    void Expect(int code, string kind, string what) {
        Answer();
        var answer = LastReply();
        if (answer.Code == code) return;
        if (answer.Code < 400 || answer.Code > 599) throw new Failure(step, "NotSmtp", "what answers is no mail server: " + last, null);
        throw new Failure(step, answer.Code == 421 ? "SessionRefused" : kind, "the server refused " + what + ": " + last, answer);
    }

    void Answer() {
        var one = new byte[1];
        whole = false;
        do {
            if (Read(one, 0, 1) == 0) throw new Failure(step, "ConnectionLost", "the server closed the connection", null);
        } while (!whole);
    }

    string last = "";
    bool whole;

    void Hear(byte next) {
        if (next != '\n') {
            // No server has so much to say in a line; RFC 5321 allows 512.
            if (heard.Length < 4096) heard.Append((char)next);
            return;
        }
        last = heard.ToString().TrimEnd('\r');
        heard.Clear();
        whole = last.Length < 4 || last[3] != '-';
        if (reply.Count < 100) reply.Add(last.Length > 4 ? last.Substring(4) : "");
        if (whole && finalDot && Taken == null) Taken = LastReply();
        if (whole && step == "Recipient" && recipient.Length > 0 && Refuses()) Refusals.Add(new Refusal(recipient, LastReply()));
    }

    public override int Read(byte[] buffer, int offset, int count) {
        int read;
        if (pending.Length > 0) {
            read = Math.Min(count, pending.Length);
            Array.Copy(pending, 0, buffer, offset, read);
            var rest = new byte[pending.Length - read];
            Array.Copy(pending, read, rest, 0, rest.Length);
            pending = rest;
        } else {
            read = inner.Read(buffer, offset, count);
        }
        ended |= read == 0;
        for (int at = offset; at < offset + read; at++) Hear(buffer[at]);
        return read;
    }

    public override void Write(byte[] buffer, int offset, int count) {
        if (content && !finalDot) {
            // The last bytes tell when the message ends; the client stuffs dots, so nothing else looks like it.
            int from = Math.Max(offset, offset + count - 5);
            tail = (tail + Encoding.ASCII.GetString(buffer, from, offset + count - from));
            tail = tail.Substring(Math.Max(0, tail.Length - 5));
            finalDot = tail == "\r\n.\r\n";
            if (finalDot) reply.Clear();
            Patience(finalDot ? job.Final : job.Data);
        } else {
            if (job.Sender.Length == 0 && Encoding.ASCII.GetString(buffer, offset, count) == "MAIL FROM:<" + Nobody + ">\r\n") {
                buffer = Encoding.ASCII.GetBytes("MAIL FROM:<>\r\n");
                offset = 0;
                count = buffer.Length;
            }
            for (int at = offset; at < offset + count; at++) {
                if (buffer[at] != '\n') {
                    if (line.Length < 1024) line.Append((char)buffer[at]);
                    continue;
                }
                Said(line.ToString().TrimEnd('\r'));
                line.Clear();
            }
        }
        inner.Write(buffer, offset, count);
    }

    // What the client says is not written down: a password may be in it.
    void Said(string command) {
        reply.Clear();
        recipient = "";
        var word = command.Split(' ')[0].ToUpperInvariant();
        switch (word) {
            case "EHLO": case "HELO": if (step != "Tls") step = "Ehlo"; break;
            case "AUTH": step = "SignIn"; signedIn = true; break;
            case "MAIL":
                if (job.Login != null && !signedIn) throw new Failure("SignIn", "NoMechanism", "the server offers no sign-in that System.Net.Mail knows", null);
                step = "Sender";
                break;
            case "RCPT":
                step = "Recipient";
                recipient = command.Substring(command.IndexOf('<') + 1).TrimEnd('>');
                break;
            case "DATA": step = "Message"; content = true; break;
            case "QUIT": Patience(TimeSpan.FromSeconds(5)); break;
        }
    }

    void Patience(TimeSpan patience) {
        inner.ReadTimeout = inner.WriteTimeout = (int)Math.Min(patience.TotalMilliseconds, int.MaxValue);
    }

    static string Innermost(Exception error) {
        while (error.InnerException != null) error = error.InnerException;
        return error.Message;
    }

    public override void Flush() { inner.Flush(); }
    public override bool CanRead { get { return true; } }
    public override bool CanWrite { get { return true; } }
    public override bool CanSeek { get { return false; } }
    public override long Length { get { throw new NotSupportedException(); } }
    public override long Position { get { throw new NotSupportedException(); } set { throw new NotSupportedException(); } }
    public override long Seek(long offset, SeekOrigin origin) { throw new NotSupportedException(); }
    public override void SetLength(long value) { throw new NotSupportedException(); }
}
