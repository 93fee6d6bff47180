using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Kept;

namespace Culvert.NodeAgent.Proxy.Http.Caching;

/// <summary>Takes a copy of a response's body while that passes to the client, and keeps it once it is whole. It never has the response wait: what is too large, or finds no room, is given up. Belongs to its loop's thread.</summary>
internal sealed class ResponseCapture : IBodyCopy
{
    private const int FirstRoom = 4096;

    private readonly ResponseCache _cache;
    private readonly KeptResponse _response;
    private readonly int _changes;
    private readonly long? _said;
    private byte[] _body = [];
    private int _length;

    /// <summary>Makes one.</summary>
    /// <param name="cache">Where it is kept.</param>
    /// <param name="response">The response, without its body.</param>
    /// <param name="changes">How often its key had changed when it was asked for.</param>
    /// <param name="said">The length that its head says; null: none.</param>
    internal ResponseCapture(ResponseCache cache, KeptResponse response, int changes, long? said)
    {
        (_cache, _response, _changes, _said) = (cache, response, changes, said);
        if (said > cache.Settings.MaxResponseBytes) Close();
    }

    /// <inheritdoc/>
    public bool IsClosed { get; private set; }

    /// <inheritdoc/>
    public void Append(ReadOnlySpan<byte> data)
    {
        if (IsClosed) return;
        int length = _length + data.Length; // pieces are shorter than a frame
        if (length > (_said ?? _cache.Settings.MaxResponseBytes) || (length > _body.Length && !TryGrow(Math.Min(Math.Max(Math.Max(length, FirstRoom), _body.Length * 2), (int)(_said ?? _cache.Settings.MaxResponseBytes)))))
        {
            Close();
            return;
        }

        data.CopyTo(_body.AsSpan(_length));
        _length = length;
    }

    /// <inheritdoc/>
    /// <remarks>One with trailers is not kept: they say of it what its head could not.</remarks>
    public void End(HeaderList? trailers)
    {
        if (IsClosed) return;
        bool isWhole = trailers is null or { Count: 0 } && _length == (_said ?? _length);
        byte[] body = _length == _body.Length ? _body : _body[.._length];
        Close();
        if (isWhole) _cache.Store.Keep(_response.With(body), _changes);
    }

    /// <inheritdoc/>
    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        _cache.Store.EndReceive(_body.Length);
        _body = [];
    }

    private bool TryGrow(int length)
    {
        if (!_cache.Store.TryReceive(length - _body.Length)) return false;
        Array.Resize(ref _body, length);
        return true;
    }
}
