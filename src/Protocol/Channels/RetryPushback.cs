using System.Globalization;
using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>When a call that has failed is to be made again, said by the server in the trailer that gRPC has for it (proposal A6, <c>grpc-retry-pushback-ms</c>).</summary>
public static class RetryPushback
{
    /// <summary>The trailer's name.</summary>
    public const string Name = "grpc-retry-pushback-ms";

    /// <summary>The longest that a client heeds: a server that says more must not silence it for ever.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    /// <summary>The trailers that say so; whole milliseconds, rounded up.</summary>
    /// <param name="wait">How long; negative counts as zero.</param>
    public static Metadata Trailers(TimeSpan wait)
    {
        double milliseconds = Math.Clamp(Math.Ceiling(wait.TotalMilliseconds), 0, Longest.TotalMilliseconds);
        return new Metadata { { Name, ((long)milliseconds).ToString(CultureInfo.InvariantCulture) } };
    }

    /// <summary>How long to wait before a call that has failed so is made again, at least: zero to <see cref="Longest"/>; zero when the server does not say so. A failure that another caused is asked for that one.</summary>
    public static TimeSpan Of(Exception failure)
    {
        if ((failure as RpcException ?? failure?.InnerException as RpcException) is not { } rpc) return TimeSpan.Zero;
        string? text = rpc.Trailers.FirstOrDefault(t => t.Key == Name)?.Value;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long milliseconds)) return TimeSpan.Zero;
        return milliseconds < Longest.TotalMilliseconds ? TimeSpan.FromMilliseconds(milliseconds) : Longest;
    }
}
