using System.Globalization;
using System.Text;
using Culvert.Http1;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A response that the proxy makes itself: it says so, and why, in <c>proxy-status</c> (RFC 9209) and in its body.</summary>
internal static class ErrorResponse
{
    /// <summary>Writes one; the connection ends with it.</summary>
    /// <param name="status">The status.</param>
    /// <param name="error">What kind of error, of <see cref="ProxyError"/>.</param>
    /// <param name="details">In words, without quotation marks, and without anything of the message that it is about.</param>
    /// <param name="hasBody">Whether it may have a body: what answers HEAD has none.</param>
    /// <param name="now">When.</param>
    /// <param name="room">Where to; of 1 KiB or more.</param>
    /// <returns>Its length.</returns>
    internal static int Write(int status, string error, string details, bool hasBody, DateTimeOffset now, Span<byte> room)
    {
        string body = $"{status} from culvert: {details}\n";
        HeaderList fields = new();
        fields.AddStatus(status)
            .Add("date"u8, Encoding.ASCII.GetBytes(now.UtcDateTime.ToString("R", CultureInfo.InvariantCulture)))
            .Add("proxy-status"u8, Encoding.ASCII.GetBytes($"culvert; error={error}; details=\"{details}\""))
            .Add("content-type"u8, "text/plain"u8)
            .Add("content-length"u8, Encoding.ASCII.GetBytes(body.Length.ToString(CultureInfo.InvariantCulture)));
        if (!Http1HeadWriter.TryWriteResponse(fields, new HeadForm { Connection = ConnectionOption.Close }, room, out int length)) throw new ArgumentException("The room is too small.", nameof(room));
        return hasBody ? length + Encoding.ASCII.GetBytes(body, room[length..]) : length;
    }
}
