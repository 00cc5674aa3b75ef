// JSON as the mailer and its helper speak it: objects, arrays, strings, whole numbers, true, false, null. The libraries that
// know it are a package of their own with Mono.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

static class Json {
    public static object Read(string text) {
        int at = 0;
        object value = Value(text, ref at);
        Blanks(text, ref at);
        if (at != text.Length) throw new FormatException("more than one JSON value");
        return value;
    }

    public static string Write(object value) {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    static object Value(string text, ref int at) {
        Blanks(text, ref at);
        switch (Peek(text, at)) {
            case '{': {
                var made = new Dictionary<string, object>();
                at++;
                while (More(text, ref at, '}', made.Count > 0)) {
                    var name = Text(text, ref at);
                    Blanks(text, ref at);
                    Expect(text, ref at, ":");
                    made[name] = Value(text, ref at);
                }
                return made;
            }
            case '[': {
                var made = new List<object>();
                at++;
                while (More(text, ref at, ']', made.Count > 0)) made.Add(Value(text, ref at));
                return made;
            }
            case '"': return Text(text, ref at);
            case 't': Expect(text, ref at, "true"); return true;
            case 'f': Expect(text, ref at, "false"); return false;
            case 'n': Expect(text, ref at, "null"); return null;
            default: {
                int from = at;
                while (at < text.Length && (text[at] == '-' || char.IsDigit(text[at]))) at++;
                return long.Parse(text.Substring(from, at - from), CultureInfo.InvariantCulture);
            }
        }
    }

    // Whether another member follows; passes the comma before it, or the end.
    static bool More(string text, ref int at, char end, bool some) {
        Blanks(text, ref at);
        if (Peek(text, at) == end) {
            at++;
            return false;
        }
        if (some) {
            Expect(text, ref at, ",");
            Blanks(text, ref at);
        }
        return true;
    }

    static string Text(string text, ref int at) {
        Expect(text, ref at, "\"");
        var made = new StringBuilder();
        while (true) {
            char c = Peek(text, at++);
            if (c == '"') return made.ToString();
            if (c != '\\') {
                made.Append(c);
                continue;
            }
            c = Peek(text, at++);
            int plain = "nrtbf".IndexOf(c);
            if (c == 'u') {
                if (at + 4 > text.Length) throw new FormatException("JSON ends too early");
                made.Append((char)int.Parse(text.Substring(at, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                at += 4;
            } else {
                made.Append(plain < 0 ? c : "\n\r\t\b\f"[plain]);
            }
        }
    }

    static void Blanks(string text, ref int at) {
        while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0) at++;
    }

    static void Expect(string text, ref int at, string word) {
        if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0) throw new FormatException("not JSON");
        at += word.Length;
    }

    static char Peek(string text, int at) {
        if (at >= text.Length) throw new FormatException("JSON ends too early");
        return text[at];
    }

    static void Write(StringBuilder text, object value) {
        var members = value as IDictionary<string, object>;
        var items = value as System.Collections.IEnumerable;
        if (value == null) {
            text.Append("null");
        } else if (value is string) {
            Write(text, (string)value);
        } else if (value is bool) {
            text.Append((bool)value ? "true" : "false");
        } else if (members != null) {
            text.Append('{');
            bool some = false;
            foreach (var member in members) {
                if (some) text.Append(',');
                some = true;
                Write(text, member.Key);
                text.Append(':');
                Write(text, member.Value);
            }
            text.Append('}');
        } else if (items != null) {
            text.Append('[');
            bool some = false;
            foreach (var item in items) {
                if (some) text.Append(',');
                some = true;
                Write(text, item);
            }
            text.Append(']');
        } else {
            text.Append(Convert.ToInt64(value).ToString(CultureInfo.InvariantCulture));
        }
    }

    static void Write(StringBuilder text, string value) {
        text.Append('"');
        foreach (char c in value) {
            if (c == '"' || c == '\\') text.Append('\\').Append(c);
            // Lone halves of a pair, too: they are no UTF-8.
            else if (c < ' ' || c > '~') text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else text.Append(c);
        }
        text.Append('"');
    }
}
