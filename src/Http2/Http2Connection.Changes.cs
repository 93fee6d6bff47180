using System.Buffers.Binary;
using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>Changes of own settings while the connection runs. Of each kind one is under way at a time: a peer that does not acknowledge gathers nothing here.</content>
public sealed partial class Http2Connection
{
    // In the order in which they were sent, which is that of acknowledgements (RFC 9113, section 6.5.3).
    private OwnChange _first, _second;
    private int _wantedStreams;
    private int _announcedStreams;

    private enum OwnChange
    {
        None,
        StreamWindow,
        StreamLimit,
    }

    /// <summary>
    /// Tells a client of another number of streams at once. What it opens beyond that is still taken, up to <see cref="Http2Options.MaxConcurrentStreams"/>: it may not have heard of the number
    /// yet (RFC 9113, section 5.1.2). Before <see cref="Start"/> it is what the first SETTINGS say. Without effect when nothing changes.
    /// </summary>
    /// <param name="most">The number, 0 to <see cref="Http2Options.MaxConcurrentStreams"/>.</param>
    /// <exception cref="InvalidOperationException">This side is the client.</exception>
    public void AnnounceStreamLimit(int most)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(most, _options.MaxConcurrentStreams);
        if (Role != Http2Role.Server) throw new InvalidOperationException("Servers open no streams here, so that there is nothing to limit.");
        _wantedStreams = most;
        if (!_started) _announcedStreams = most;
        if (!IsClosed && most != _announcedStreams && !IsUnderWay(OwnChange.StreamLimit)) WriteStreamLimit();
    }

    private void WriteStreamLimit()
    {
        _announcedStreams = _wantedStreams;
        WriteChange(OwnChange.StreamLimit, SettingId.MaxConcurrentStreams, _wantedStreams);
    }

    private bool IsUnderWay(OwnChange change) => _first == change || _second == change;

    private void WriteChange(OwnChange change, SettingId id, int value)
    {
        if (_first == OwnChange.None) _first = change;
        else _second = change;
        var payload = Frame(6, FrameType.Settings, FrameFlags.None, 0);
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)id);
        BinaryPrimitives.WriteInt32BigEndian(payload[2..], value);
    }

    private void OnChangeAcknowledged()
    {
        var change = _first;
        (_first, _second) = (_second, OwnChange.None);
        if (change == OwnChange.StreamWindow) OnStreamWindowAcknowledged();
        else if (change == OwnChange.StreamLimit && _wantedStreams != _announcedStreams && !IsClosed) WriteStreamLimit();
    }
}
