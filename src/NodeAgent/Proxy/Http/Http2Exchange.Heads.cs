using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>What is kept of it while it runs, all of which is counted.</content>
internal sealed partial class Http2Exchange
{
    private HeaderList? _head; // lent; null: it is not kept
    private int _heldHead;
    private int _heldTrailers;
    private bool _hasEntered;

    /// <summary>Counts it with those that run of its client.</summary>
    /// <returns>False when there are too many.</returns>
    internal bool TryEnter() => _hasEntered = _relay.Room.TryEnter();

    /// <inheritdoc/>
    public bool TryKeepHead(HeaderList headers)
    {
        if (_head is not null) return true;
        int bytes = HeadRoom.BytesOf(headers);
        if (!_relay.Room.TryHold(bytes)) return false;
        _heldHead = bytes;
        _head = Client.Link.Loop.Heads.Copy(headers);
        return true;
    }

    /// <inheritdoc/>
    public bool TryHoldTrailers(HeaderList trailers)
    {
        int bytes = HeadRoom.BytesOf(trailers);
        if (!_relay.Room.TryHold(bytes)) return false;
        _heldTrailers += bytes;
        return true;
    }

    // Nobody asks about it now. Policy may begin to: requests of which it can be asked then need not end.
    private void KeepIfSpare(HeaderList? head)
    {
        if (!_relay.Room.HasSpare(_head is not null || head is null ? 0 : HeadRoom.BytesOf(head))) DropHead();
        else if (head is not null) TryKeepHead(head);
    }

    private void DropHead()
    {
        if (_head is null) return;
        Client.Link.Loop.Heads.Return(_head);
        _relay.Room.Drop(_heldHead);
        (_head, _heldHead) = (null, 0);
    }

    // Both streams are gone.
    private void Leave()
    {
        DropHead();
        ForgetCopies();
        _relay.Room.Drop(_heldTrailers);
        _heldTrailers = 0;
        if (_hasEntered) _relay.Room.Leave();
        _hasEntered = false;
    }
}
