using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A response that the proxy makes itself: it says so, and why, in <c>proxy-status</c> (RFC 9209) and in its body.</summary>
internal static class ErrorResponse
{
    /// <summary>Writes one; the connection ends with it. A failure to write is told by the next <see cref="HttpSide.Flush"/>.</summary>
    /// <param name="to">Who is answered.</param>
    /// <param name="status">The status.</param>
    /// <param name="error">What kind of error, of <see cref="ProxyError"/>.</param>
    /// <param name="details">In words, without quotation marks, and without anything of the message that it is about.</param>
    /// <param name="hasBody">Whether it may have a body: what answers HEAD has none.</param>
    /// <param name="now">When.</param>
    /// <param name="excess">The limit that the request has met; null: none.</param>
    internal static void Write(HttpSide to, int status, string error, string details, bool hasBody, DateTimeOffset now, RateLimitExcess? excess = null)
    {
        string body = $"{status} from culvert: {details}\n";
        HeaderList fields = new();
        fields.AddStatus(status);
        if (excess is { } limit) RateLimitFields.AddTo(fields, limit);
        ProxyError.AddTo(fields, error, details, now)
            .Add("content-type"u8, "text/plain"u8)
            .Add("content-length"u8, Encoding.ASCII.GetBytes(body.Length.ToString(CultureInfo.InvariantCulture)));
        Span<byte> room = to.Transport.Loop.Joined;
        if (!Http1HeadWriter.TryWriteResponse(fields, new HeadForm { Connection = ConnectionOption.Close }, room, out int length)) throw new InvalidOperationException("an answer is longer than a buffer");
        if (hasBody) length += Encoding.ASCII.GetBytes(body, room[length..]);
        to.Output.Write(room[..length]);
    }
}
