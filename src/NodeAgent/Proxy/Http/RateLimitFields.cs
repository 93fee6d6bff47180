using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// What a client is told of a limit that it has met: <c>retry-after</c> (RFC 9110, section 10.2.3), and <c>ratelimit-policy</c> and <c>ratelimit</c> as the IETF drafts them (draft-ietf-httpapi-ratelimit-headers), which
/// say in what unit their numbers are. Of the many fields that begin with <c>x-ratelimit-</c> some have seconds and some a date.
/// </summary>
internal static class RateLimitFields
{
    /// <summary>Adds them.</summary>
    /// <param name="fields">Where to.</param>
    /// <param name="excess">The limit.</param>
    internal static void AddTo(HeaderList fields, in RateLimitExcess excess)
    {
        RateLimit limit = excess.Limiter.Limit;
        string name = $"{excess.Object}:{excess.RuleIndex}"; // of characters that need no escape
        fields
            .Add("retry-after"u8, Encoding.ASCII.GetBytes(excess.WaitSeconds.ToString(CultureInfo.InvariantCulture)))
            .Add("ratelimit-policy"u8, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\"{name}\";q={limit.Requests};w={limit.Seconds}")))
            .Add("ratelimit"u8, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\"{name}\";r=0;t={excess.WaitSeconds}")));
    }
}
