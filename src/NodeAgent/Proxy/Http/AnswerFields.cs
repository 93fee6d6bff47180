using System.Globalization;
using System.Text;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Fields of what the proxy answers itself.</summary>
internal static class AnswerFields
{
    /// <summary>Adds <c>date</c> (RFC 9110, section 6.6.1).</summary>
    /// <param name="fields">Where to.</param>
    /// <param name="now">When.</param>
    /// <returns>The fields.</returns>
    internal static HeaderList AddDate(this HeaderList fields, DateTimeOffset now) => fields.Add("date"u8, Encoding.ASCII.GetBytes(now.UtcDateTime.ToString("R", CultureInfo.InvariantCulture)));
}
