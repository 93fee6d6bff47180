using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>Hears of the requests of one connection: counts them, and has them noted with what is known of the connection. Thread-safe.</summary>
/// <param name="metrics">Count them.</param>
/// <param name="connection">The connection, as it was when it was opened.</param>
/// <param name="reporter"><c>source</c> or <c>destination</c>.</param>
/// <param name="telemetry">Notes them; null: nothing does.</param>
internal sealed class ConnectionRequests(AgentMetrics metrics, FlowRecord connection, string reporter, RequestTelemetry? telemetry) : IRequestObserver
{
    private readonly RequestMetrics.Series _counts = metrics.Requests.Of(connection, reporter);

    /// <summary>The connection, as it was when it was opened.</summary>
    internal FlowRecord Connection => connection;

    /// <summary><c>source</c> or <c>destination</c>.</summary>
    internal string Reporter => reporter;

    /// <inheritdoc/>
    public IRequestRecord? Begin(HeaderList request, string protocol, int loop) => telemetry?.Begin(this, request, protocol, loop);

    /// <inheritdoc/>
    public void OnRequestEnded(in RequestEnd end, IRequestRecord? record)
    {
        _counts.OnRequestEnded(end, record);
        if (end.Hit is { } hit) metrics.Routes.Count(hit, end);
        if (record is RequestRecord noted) telemetry!.End(noted, this, end);
    }

    /// <inheritdoc/>
    public void OnRetried(RetryOutcome outcome) => metrics.Retries.Count(connection, (int)outcome);

    /// <inheritdoc/>
    public void OnHedged(HedgeOutcome outcome) => metrics.Hedges.Count(connection, (int)outcome);
}
