using System.Buffers;
using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>
/// A copy of one request for its mirrors. It goes to them once all of it has come, so that a request waits for no mirror, and a mirror sees no request that is not whole. Belongs to its loop's thread.
/// </summary>
internal sealed class MirrorCopy : IBodyCopy
{
    private const int FirstRoom = 4096;

    private readonly MirrorsOfClient _owner;
    private readonly MirrorRoom _room;
    private readonly List<HttpRouteMirror> _mirrors;
    private readonly LoopTimer _deadline;
    private byte[] _body = [];
    private int _fields; // bytes of head and trailers
    private int _length;
    private int _users;

    internal MirrorCopy(MirrorsOfClient owner, MirrorRoom room, List<HttpRouteMirror> mirrors)
    {
        (_owner, _room, _mirrors) = (owner, room, mirrors);
        _deadline = new LoopTimer(static state => ((MirrorCopy)state!).GiveUp(MirrorResult.TooSlow), this);
    }

    /// <summary>The head, as a server of HTTP/2 would get it.</summary>
    internal HeaderList Head { get; } = new();

    /// <summary>What there is of the body; valid until <see cref="Release"/>.</summary>
    internal ReadOnlySpan<byte> Body => _body.AsSpan(0, _length);

    /// <summary>The trailers; null without.</summary>
    internal HeaderList? Trailers { get; private set; }

    /// <summary>Whether the head is all of it.</summary>
    internal bool IsHeadOnly => _length == 0 && Trailers is null;

    /// <inheritdoc/>
    public bool IsClosed { get; private set; }

    /// <summary>The head is all there, and the body follows.</summary>
    /// <returns>False when there is no room for it: the copy is given up.</returns>
    internal bool TryBegin()
    {
        if (!TryKeep(Head))
        {
            GiveUp(MirrorResult.NoRoom);
            return false;
        }

        _room.Loop.Schedule(_deadline, _room.Options.Mirrors.Timeout);
        return true;
    }

    /// <inheritdoc/>
    public void Append(ReadOnlySpan<byte> data)
    {
        if (IsClosed) return;
        if (data.Length > _room.Options.Mirrors.MaxBody - _length) GiveUp(MirrorResult.TooLarge);
        else if (data.Length > _body.Length - _length && !TryGrow(_length + data.Length)) GiveUp(MirrorResult.NoRoom);
        if (IsClosed) return;
        data.CopyTo(_body.AsSpan(_length));
        _length += data.Length;
    }

    /// <inheritdoc/>
    public void End(HeaderList? trailers)
    {
        if (IsClosed) return;
        if (trailers is not null)
        {
            Trailers = new HeaderList();
            Trailers.AddRange(trailers);
            if (!TryKeep(Trailers))
            {
                GiveUp(MirrorResult.NoRoom);
                return;
            }
        }

        IsClosed = true;
        _room.Loop.Timers.Cancel(_deadline);

        _users = _mirrors.Count;
        foreach (HttpRouteMirror mirror in _mirrors) _owner.Send(this, mirror);
    }

    /// <inheritdoc/>
    public void Close()
    {
        if (!IsClosed) GiveUp(MirrorResult.Incomplete);
    }

    /// <summary>One of its mirrors is done with it.</summary>
    internal void Release()
    {
        if (--_users == 0) Drop();
    }

    private void GiveUp(MirrorResult result)
    {
        IsClosed = true;
        _room.Loop.Timers.Cancel(_deadline);
        Drop();
        foreach (HttpRouteMirror mirror in _mirrors) _room.Report(mirror, result);
    }

    private bool TryGrow(int length)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, FirstRoom));
        if (!_room.TryTake(larger.Length - _body.Length))
        {
            ArrayPool<byte>.Shared.Return(larger);
            return false;
        }

        Body.CopyTo(larger);
        if (_body.Length > 0) ArrayPool<byte>.Shared.Return(_body);
        _body = larger;
        return true;
    }

    private bool TryKeep(HeaderList fields)
    {
        int bytes = HeadRoom.BytesOf(fields);
        if (!_room.TryTake(bytes)) return false;
        _fields += bytes;
        return true;
    }

    private void Drop()
    {
        _room.Release(_body.Length + _fields);
        _fields = 0;
        Head.Clear();
        if (_body.Length > 0) ArrayPool<byte>.Shared.Return(_body);
        (_body, _length) = ([], 0);
    }
}
