namespace Culvert.Http1;

/// <summary>How a message's body ends, and whether the connection may be used again (RFC 9112, section 6.3 and 9.3).</summary>
internal static class Framing
{
    public static void OfRequest(FieldLines fields, Http1Head head)
    {
        head.IsKeptAlive = fields.IsKeptAlive(head.IsVersion10);
        Set(fields, head, BodyKind.None);
    }

    public static MessageRefusal? OfResponse(FieldLines fields, int status, bool isHead, Http1Head head)
    {
        head.IsKeptAlive = fields.IsKeptAlive(head.IsVersion10);
        if (IsWithoutBody(status))
        {
            // What announces a body there may send one: what comes next could be it. Nothing may come next; but after an interim response something does.
            bool announces = fields.IsChunked || fields.ContentLength > 0;
            if (announces) head.IsKeptAlive = false;
            return announces && status < 200 ? MessageRefusal.InterimBody : null;
        }

        if (isHead || status == 304) return null;
        Set(fields, head, BodyKind.UntilClose);
        if (head.Body == BodyKind.UntilClose) head.IsKeptAlive = false;
        return null;
    }

    /// <summary>Whether a response of that status never has a body, nor a length of one (RFC 9110, section 8.6).</summary>
    public static bool IsWithoutBody(int status) => status is < 200 or 204;

    private static void Set(FieldLines fields, Http1Head head, BodyKind otherwise)
    {
        if (fields.IsChunked) head.Body = BodyKind.Chunked;
        else if (fields.ContentLength < 0) head.Body = otherwise;
        else if (fields.ContentLength > 0) (head.Body, head.Length) = (BodyKind.Length, fields.ContentLength);
    }
}
