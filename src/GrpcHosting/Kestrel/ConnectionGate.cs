using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Culvert.GrpcHosting;

/// <summary>
/// Bounds the connections of clients that have not proven who they are, in all and from one address. One too many is let in and the oldest of its
/// kind goes, so that whoever opens connections and says nothing cannot keep others out for longer than they need to prove themselves. Safe for any number of threads.
/// </summary>
public sealed class ConnectionGate
{
    private readonly Lock _lock = new();
    private readonly LinkedList<GatePlace> _all = [];
    private readonly Dictionary<IPAddress, LinkedList<GatePlace>> _bySource = [];
    private readonly ConnectionGateOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Makes a gate.</summary>
    public ConnectionGate(ConnectionGateOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time) = (options, time);
    }

    /// <summary>Connections in the gate now.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _all.Count;
        }
    }

    /// <summary>Connections that had to go so far: for newer ones, or because they had been in the gate for too long.</summary>
    public long Dropped { get; private set; }

    /// <summary>The address that a connection is from; <see cref="IPAddress.None"/> where it has none.</summary>
    public static IPAddress SourceOf(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return SourceOf((connection.RemoteEndPoint as IPEndPoint)?.Address);
    }

    /// <summary>The same for the address that a server tells of a request's connection; null: it has none.</summary>
    public static IPAddress SourceOf(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address ?? IPAddress.None;

    /// <summary>Lets a connection in; it leaves when the place is disposed.</summary>
    public GatePlace Enter(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        IPAddress source = SourceOf(connection);
        List<GatePlace> dropped = [];
        GatePlace place;
        lock (_lock)
        {
            if (!_bySource.TryGetValue(source, out LinkedList<GatePlace>? own)) _bySource.Add(source, own = []);
            place = new GatePlace(this, connection, source);
            place.AllNode = _all.AddLast(place);
            place.SourceNode = own.AddLast(place);
            if (own.Count > _options.MostFromOneSource) Take(own.First!.Value, dropped);
            if (_all.Count > _options.Most) Take(_all.First!.Value, dropped);
        }
        foreach (GatePlace old in dropped) old.Abort("newer connections took its place");
        place.Begin(_time, _options.Longest);
        return place;
    }

    internal bool Leave(GatePlace place)
    {
        lock (_lock) return Remove(place);
    }

    /// <summary>Serves a connection within its place; one of an address that makes too many a second is aborted before a handshake.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="next">What serves it.</param>
    /// <param name="rate">How many an address may make.</param>
    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next, SourceRate<IPAddress> rate)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(next);
        ArgumentNullException.ThrowIfNull(rate);
        if (!rate.TryTake(SourceOf(connection)))
        {
            connection.Abort(new ConnectionAbortedException("too many connections of one address"));
            return;
        }
        using GatePlace place = Enter(connection);
        await next(connection);
    }

    /// <summary>Ends one that has been in the gate for too long.</summary>
    internal void Expire(GatePlace place)
    {
        lock (_lock)
        {
            if (!Remove(place)) return;
            Dropped++;
        }
        place.Abort("it has not proven who it is in time");
    }

    private void Take(GatePlace place, List<GatePlace> dropped)
    {
        if (!Remove(place)) return;
        Dropped++;
        dropped.Add(place);
    }

    private bool Remove(GatePlace place)
    {
        if (place.AllNode is not { } node) return false;
        _all.Remove(node);
        LinkedList<GatePlace> own = _bySource[place.Source];
        own.Remove(place.SourceNode!);
        if (own.Count == 0) _bySource.Remove(place.Source);
        place.AllNode = place.SourceNode = null;
        return true;
    }
}
