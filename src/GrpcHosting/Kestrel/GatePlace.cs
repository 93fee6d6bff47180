using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Culvert.GrpcHosting;

/// <summary>A connection's place in a <see cref="ConnectionGate"/>. Disposing it leaves the gate and lets the connection go on.</summary>
public sealed class GatePlace : IDisposable
{
    private readonly ConnectionGate _gate;
    private readonly ConnectionContext _connection;
    private ITimer? _timer;

    internal GatePlace(ConnectionGate gate, ConnectionContext connection, IPAddress source) => (_gate, _connection, Source) = (gate, connection, source);

    internal IPAddress Source { get; }

    /// <summary>Where it is among all; null when it has left. Under the gate's lock.</summary>
    internal LinkedListNode<GatePlace>? AllNode { get; set; }

    /// <summary>Where it is among those of its source.</summary>
    internal LinkedListNode<GatePlace>? SourceNode { get; set; }

    /// <summary>Leaves the gate; harmless when repeated.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        _gate.Leave(this);
    }

    internal void Begin(TimeProvider time, TimeSpan longest) => _timer = time.CreateTimer(static state => ((GatePlace)state!).Expire(), this, longest, Timeout.InfiniteTimeSpan);

    internal void Abort(string reason) => _connection.Abort(new ConnectionAbortedException(reason));

    private void Expire() => _gate.Expire(this);
}
