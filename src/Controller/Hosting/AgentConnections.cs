using System.Collections.Concurrent;
using System.IO.Pipelines;
using Culvert.Controller.Api;
using Culvert.Controller.Nodes;
using Culvert.GrpcHosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// Bounds the connections to the controller's port: of clients that have not proven a node, by a <see cref="ConnectionGate"/>, and of each node that has. Neither can
/// take the places of others. Safe for any number of threads.
/// </summary>
internal sealed class AgentConnections(TimeProvider time, ILogger logger)
{
    /// <summary>Most connections of one node. An agent has one, and another while it renews its certificate; the rest is for those that the network has lost.</summary>
    public const int MostOfANode = 16;

    /// <summary>Most bytes that a client may send that has not proven a node, HTTP/2's frames included. To join takes one request, of <see cref="AgentCalls.LongestJoin"/> at most; most have 4 KiB.</summary>
    public const int MostOfAnAnonymousClient = 128 * 1024;

    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(30);
    private static readonly object PlaceKey = new();
    private readonly ConcurrentDictionary<string, int> _nodes = new(StringComparer.Ordinal);
    private readonly Lock _logging = new();
    private long? _lastLog;
    private long? _lastNodeLog;
    private long _reported;

    /// <summary>Where anonymous clients are.</summary>
    public ConnectionGate Gate { get; } = new(new ConnectionGateOptions(), time);

    /// <summary>Before the handshake: everybody is anonymous.</summary>
    public async Task BeforeHandshakeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        using GatePlace place = Gate.Enter(connection);
        LogDropped();
        connection.Items[PlaceKey] = place;
        await next(connection);
    }

    /// <summary>After it: who has proven a node leaves the gate.</summary>
    public async Task AfterHandshakeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        connection.Items[AgentCalls.Key] = new AgentCalls();
        if (!connection.Items.TryGetValue(NodeProof.Key, out object? kept) || kept is not NodeProof { Identity.Node: { } node })
        {
            BoundedInput input = new(connection.Transport.Input, MostOfAnAnonymousClient, () => connection.Abort(new ConnectionAbortedException("an anonymous client has sent too much")));
            connection.Transport = new Duplex(input, connection.Transport.Output);
            connection.Items[JoinTurn.Key] = new JoinTurn();
            await next(connection);
            return;
        }

        int count = _nodes.AddOrUpdate(node, 1, static (_, n) => n + 1);
        try
        {
            if (count > MostOfANode)
            {
                LogTooMany(node);
                connection.Abort(new ConnectionAbortedException("too many connections of one node"));
                return;
            }
            if (connection.Items.TryGetValue(PlaceKey, out object? place)) (place as GatePlace)?.Dispose();
            await next(connection);
        }
        finally
        {
            if (_nodes.AddOrUpdate(node, 0, static (_, n) => n - 1) == 0) _nodes.TryRemove(KeyValuePair.Create(node, 0));
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private void LogTooMany(string node)
    {
        lock (_logging)
        {
            if (MayLog(ref _lastNodeLog)) HostingLog.TooManyOfANode(logger, node, MostOfANode);
        }
    }

    private void LogDropped()
    {
        long dropped = Gate.Dropped;
        lock (_logging)
        {
            if (dropped == _reported || !MayLog(ref _lastLog)) return;
            HostingLog.AnonymousDropped(logger, dropped - _reported);
            _reported = dropped;
        }
    }

    private bool MayLog(ref long? last)
    {
        if (last is { } moment && time.GetElapsedTime(moment) < LogInterval) return false;
        last = time.GetTimestamp();
        return true;
    }
}
