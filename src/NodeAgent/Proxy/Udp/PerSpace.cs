using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>What a loop has once for each network namespace, made when it is needed first. Belongs to the loop's thread.</summary>
/// <typeparam name="T">What it has.</typeparam>
/// <param name="make">Makes it in a space, or, for null, in the node's own namespace; null when it can't be made now.</param>
internal sealed class PerSpace<T>(Func<PodSpace?, T?> make) : IDisposable
    where T : class, IDisposable
{
    private readonly Dictionary<PodSpace, T> _inside = [];
    private T? _own;
    private bool _isClosed;

    /// <summary>That of a space, or, for null, of the node's own namespace; null when it can't be made, or the space, or all, has been given up.</summary>
    internal T? Find(PodSpace? space)
    {
        if (_isClosed || space is { IsClosed: true }) return null;
        if (space is null) return _own ??= make(null);
        if (_inside.TryGetValue(space, out T? inside)) return inside;
        inside = make(space);
        if (inside is not null) _inside.Add(space, inside);
        return inside;
    }

    /// <summary>Gives up what there is in a space.</summary>
    internal void CloseOf(PodSpace space)
    {
        if (_inside.Remove(space, out T? inside)) inside.Dispose();
    }

    /// <summary>Gives everything up; when the loop ends.</summary>
    public void Dispose()
    {
        _isClosed = true;
        _own?.Dispose();
        foreach (T inside in _inside.Values) inside.Dispose();
    }
}
