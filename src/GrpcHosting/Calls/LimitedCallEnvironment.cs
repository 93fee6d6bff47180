using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Culvert.GrpcHosting;

/// <summary>State that all calls of a server share. Immutable.</summary>
internal sealed class LimitedCallEnvironment(
    IOptions<ServerCallLimits> limits, TimeProvider time, StreamingCalls streams, IHostApplicationLifetime lifetime, ILoggerFactory loggers)
{
    internal ServerCallLimits Limits { get; } = limits.Value;

    internal TimeProvider Time => time;

    internal StreamingCalls Streams => streams;

    internal CancellationToken Stopping { get; } = lifetime.ApplicationStopping;

    internal ILogger Logger { get; } = loggers.CreateLogger("Culvert.GrpcHosting");
}
