using System.Globalization;
using System.Text;
using Culvert.Http1;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A response that the proxy makes itself: it says so, and why, in <c>proxy-status</c> (RFC 9209) and in its body.</summary>
internal static class ErrorResponse
{
    /// <summary>Writes one; the connection ends with it. A failure to write is told by the next <see cref="HttpSide.Flush"/>.</summary>
    /// <param name="to">Who is answered.</param>
    /// <param name="refusal">What it says.</param>
    /// <param name="hasBody">Whether it may have a body: what answers HEAD has none.</param>
    /// <param name="now">When.</param>
    internal static void Write(HttpSide to, RequestRefusal refusal, bool hasBody, DateTimeOffset now)
    {
        ReadOnlyMemory<byte> body = refusal.Denied?.Body ?? Encoding.ASCII.GetBytes($"{refusal.Status} from culvert: {refusal.Details}\n");
        bool mayHaveBody = refusal.Status is not (204 or 304);
        HeaderList fields = new();
        fields.AddStatus(refusal.Status);
        if (refusal.Excess is { } limit) RateLimitFields.AddTo(fields, limit);
        ProxyError.AddTo(fields, refusal, now);
        if (refusal.Denied is null) fields.Add("content-type"u8, "text/plain"u8);
        if (mayHaveBody) fields.Add("content-length"u8, Encoding.ASCII.GetBytes(body.Length.ToString(CultureInfo.InvariantCulture)));
        Span<byte> room = to.Transport.Loop.Joined;
        if (!Http1HeadWriter.TryWriteResponse(fields, new HeadForm { Connection = ConnectionOption.Close }, room, out int length)) throw new InvalidOperationException("an answer is longer than a buffer");
        to.Output.Write(room[..length]);
        if (hasBody && mayHaveBody) to.Output.Write(body.Span);
    }
}
