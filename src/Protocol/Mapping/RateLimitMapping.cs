using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Limits of rates between model and wire.</summary>
internal static class RateLimitMapping
{
    /// <summary>The wire form.</summary>
    internal static Wire.RateLimit ToWire(this RateLimit limit) => new()
    {
        Requests = (uint)limit.Requests,
        Seconds = (uint)limit.Seconds,
        Burst = (uint)limit.Burst,
        DelayAfter = (uint)limit.DelayAfter,
        By = limit.By switch
        {
            RateLimitBy.Identity => Wire.RateLimitBy.Identity,
            RateLimitBy.Header => Wire.RateLimitBy.Header,
            _ => Wire.RateLimitBy.All,
        },
        Header = limit.Header,
        Global = limit.Global?.ToWire(),
    };

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static RateLimit ToModel(this Wire.RateLimit limit)
    {
        RateLimit model = new()
        {
            Requests = ToNumber(limit.Requests),
            Seconds = ToNumber(limit.Seconds),
            Burst = ToNumber(limit.Burst),
            DelayAfter = ToNumber(limit.DelayAfter),
            By = limit.By switch
            {
                Wire.RateLimitBy.All => RateLimitBy.All,
                Wire.RateLimitBy.Identity => RateLimitBy.Identity,
                Wire.RateLimitBy.Header => RateLimitBy.Header,
                _ => throw new FormatException($"by {limit.By} is not known"),
            },
            Header = limit.Header,
            Global = limit.Global?.ToModel(),
        };
        return model.IsValid ? model : throw new FormatException($"limit: {limit.Requests} in {limit.Seconds} s with a burst of {limit.Burst}, delayed after {limit.DelayAfter}, is none");
    }

    private static int ToNumber(uint value) => value <= int.MaxValue ? (int)value : throw new FormatException($"limit: {value} is too large");
}
