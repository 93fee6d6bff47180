namespace Culvert.Http1;

/// <summary>How a message's body ends, and whether the connection may be used again (RFC 9112, section 6.3 and 9.3).</summary>
internal static class Framing
{
    public static void OfRequest(FieldLines fields, Http1Head head)
    {
        head.IsKeptAlive = fields.IsKeptAlive(head.IsVersion10);
        Set(fields, head, BodyKind.None);
    }

    public static void OfResponse(FieldLines fields, int status, bool isHead, Http1Head head)
    {
        head.IsKeptAlive = fields.IsKeptAlive(head.IsVersion10);
        if (status < 200 || status == 204)
        {
            // What announces a body there may send one: what comes next could be it.
            if (fields.IsChunked || fields.ContentLength > 0) head.IsKeptAlive = false;
            return;
        }

        if (isHead || status == 304) return;
        Set(fields, head, BodyKind.UntilClose);
        if (head.Body == BodyKind.UntilClose) head.IsKeptAlive = false;
    }

    private static void Set(FieldLines fields, Http1Head head, BodyKind otherwise)
    {
        if (fields.IsChunked) head.Body = BodyKind.Chunked;
        else if (fields.ContentLength < 0) head.Body = otherwise;
        else if (fields.ContentLength > 0) (head.Body, head.Length) = (BodyKind.Length, fields.ContentLength);
    }
}
