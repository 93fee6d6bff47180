using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// A controller that leaves, and that others still ask for a while: they find it by a Service, and hear with a delay that it is none of its endpoints any more. Safe for any number of threads.
/// </summary>
internal sealed class Departure(TimeSpan delay, TimeProvider time, ILogger logger)
{
    private volatile bool _hasBegun;

    /// <summary>Whether the controller leaves.</summary>
    public bool HasBegun => _hasBegun;

    /// <summary>Begins; returns when nobody is expected to ask any more.</summary>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        _hasBegun = true;
        if (delay <= TimeSpan.Zero) return;
        HostingLog.Leaving(logger, delay.TotalSeconds);
        await Task.Delay(delay, time, cancellationToken);
    }
}
