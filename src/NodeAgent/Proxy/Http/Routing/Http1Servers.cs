using System.Runtime.InteropServices;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>The connections of one loop to servers of HTTP/1.1 for requests that are routed; those that nobody has wait here for the next request. Belongs to its loop's thread.</summary>
/// <param name="dialer">Makes connections.</param>
/// <param name="options">Limits.</param>
/// <param name="observer">Hears of requests.</param>
internal sealed class Http1Servers(RequestDialer dialer, HttpOptions options, IProxyObserver observer)
{
    private readonly Dictionary<ServerKey, List<RoutedServer>> _idle = [];
    private readonly LinkedList<RoutedServer> _byAge = new();

    /// <summary>How long one waits for a request before it is closed.</summary>
    internal TimeSpan IdleTime => options.ServerIdleTime;

    /// <summary>Whether any waits for a next request.</summary>
    internal bool KeepsAny => options.MostIdleServers > 0;

    /// <summary>The one that has waited least; null when none does.</summary>
    /// <param name="key">What its requests have in common.</param>
    /// <param name="route">Where the request goes.</param>
    internal RoutedServer? TryTake(in ServerKey key, in OutboundRoute route)
    {
        while (_idle.TryGetValue(key, out List<RoutedServer>? waiting))
        {
            RoutedServer last = waiting[^1];
            Remove(last);
            if (route.Requests?.Port.ConnectionLimit is not { IsLimited: true } port || last.CountsFor(port)) return last;
            last.End(ProxyFailure.None);
        }

        return null;
    }

    /// <summary>Makes one.</summary>
    /// <param name="client">The client's connection.</param>
    /// <param name="route">Where to.</param>
    /// <param name="wait">Waits for a place among the connections to its Service port; null: it fails where there is none.</param>
    /// <param name="mayEndIdle">Whether, where there is no place, one that the client's workload keeps for its next requests ends for it.</param>
    internal async ValueTask<ConnectOutcome> ConnectAsync(ProxyConnectionInfo client, OutboundRoute route, ConnectionWait? wait, bool mayEndIdle = true)
    {
        DialledServer dialled = await dialer.ConnectAsync(client, route, wait);
        if (mayEndIdle && wait is not { IsCancelled: true } && dialled.Failure is (ProxyFailure.Overload or ProxyFailure.OverShare) && TryEndIdleOf(client.SourceWorkload?.Uid)) dialled = await dialer.ConnectAsync(client, route, wait);
        if (dialled.Transport is null) return new ConnectOutcome(null, dialled.Failure);
        try
        {
            RoutedServer server = new(this, ServerKey.Of(client, route), dialled, route, options, observer);
            ProxyFailure failure = server.Open();
            return failure == ProxyFailure.None ? new ConnectOutcome(server) : new ConnectOutcome(null, failure);
        }
        catch (Exception exception)
        {
            dialled.Transport.Reset(ProxyFailure.ProxyFault);
            dialled.Connection!.Fail(ProxyFailure.ProxyFault, exception.Message);
            dialled.Lease!.Dispose();
            throw;
        }
    }

    /// <summary>Keeps one for the next request; when enough are kept, the one that has waited longest ends for it.</summary>
    internal void Keep(RoutedServer server)
    {
        if (_byAge.Count >= options.MostIdleServers) _byAge.First!.Value.End(ProxyFailure.None);
        ref List<RoutedServer>? waiting = ref CollectionsMarshal.GetValueRefOrAddDefault(_idle, server.Key, out _);
        (waiting ??= []).Add(server);
        _byAge.AddLast(server.IdleEntry);
    }

    /// <summary>One is not kept any more.</summary>
    internal void Remove(RoutedServer server)
    {
        if (!_idle.TryGetValue(server.Key, out List<RoutedServer>? waiting) || waiting.LastIndexOf(server) is var at && at < 0) return;
        waiting.RemoveAt(at);
        _byAge.Remove(server.IdleEntry);
        if (waiting.Count == 0) _idle.Remove(server.Key);
    }

    /// <summary>Closes those that nobody has.</summary>
    internal void CloseIdle()
    {
        while (_byAge.First is { } first) first.Value.End(ProxyFailure.None);
    }

    // Its place is for a request that has none.
    private bool TryEndIdleOf(string? workload)
    {
        for (LinkedListNode<RoutedServer>? node = _byAge.First; node is not null; node = node.Next)
        {
            if (node.Value.Key.Source != workload) continue;
            node.Value.End(ProxyFailure.None);
            return true;
        }

        return false;
    }
}
