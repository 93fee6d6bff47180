using System.Text;
using Culvert.Http2;

namespace Culvert.Http1.Tests;

/// <summary>Heads as text, and what is read of them.</summary>
internal static class Heads
{
    /// <summary>Bytes of a text whose lines end with CR LF.</summary>
    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>What a request is read as: its fields, one on a line, or the status and reason of its refusal.</summary>
    public static string Request(string text, Http1Limits? limits = null)
    {
        var head = new Http1Head();
        return Told(new Http1HeadReader(limits ?? Http1Limits.Default).ReadRequest(Bytes(text), head), head);
    }

    /// <summary>What a response is read as.</summary>
    public static string Response(string text, bool isHead = false)
    {
        var head = new Http1Head();
        return Told(new Http1HeadReader(Http1Limits.Default).ReadResponse(Bytes(text), isHead, head), head);
    }

    public static string Fields(HeaderList fields)
    {
        var text = new StringBuilder();
        for (var i = 0; i < fields.Count; i++) text.Append(Encoding.Latin1.GetString(fields[i].Name)).Append('=').Append(Encoding.Latin1.GetString(fields[i].Value)).Append('|');
        return text.ToString();
    }

    public static string Told(HeadResult result, Http1Head head)
    {
        if (result.Refusal is { } refusal) return $"{refusal.Status} {refusal.Reason}";
        if (result.NeedsMore) return "more";
        var body = head.Body == BodyKind.Length ? $"Length {head.Length}" : head.Body.ToString();
        return $"{Fields(head.Fields)}{body}{(head.IsKeptAlive ? "" : " close")}{(head.IsVersion10 ? " 1.0" : "")}{(head.ExpectsContinue ? " continue" : "")}{(head.Upgrade.IsEmpty ? "" : $" upgrade {Encoding.Latin1.GetString(head.Upgrade)}")}";
    }
}
