using Culvert.Logging;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Tells, by log and metric, of backends that get no requests for a while. Thread-safe.</summary>
/// <param name="metrics">Where it is counted.</param>
/// <param name="logger">Where it is logged.</param>
internal sealed partial class EjectionReporter(AgentMetrics metrics, ILogger logger)
{
    /// <summary>A backend is left out.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="forTime">For how long.</param>
    internal void Report(BackendRequests backend, TimeSpan forTime)
    {
        PortRequests port = backend.Port;
        metrics.BackendEjections.With(port.Service.Name, port.Service.Namespace, $"{port.Port}").Increment();
        Ejected(logger, backend.Address.ToString(), port.Service.ToString(), port.Port, (long)forTime.TotalSeconds, $"{(port.Settings.IsCircuitBreaker ? "CircuitBreaker" : "TrafficPolicy")} {port.Settings.Policy}");
    }

    [LoggerMessage(EventId = LogEventIds.BackendEjected, Level = LogLevel.Warning, Message = "backend {Backend} of Service {Service} port {Port} gets no requests of this node for {Seconds} s: too many have failed ({Policy})")]
    private static partial void Ejected(ILogger logger, string backend, string service, ushort port, long seconds, string policy);
}
