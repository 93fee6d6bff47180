using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

public sealed class DatagramQueueTests
{
    private readonly DatagramQueue _queue = new();
    private readonly Sender _sender = new();

    [Fact]
    public void What_waited_goes_on_in_order_and_whole()
    {
        for (byte i = 0; i < 200; i++) Add([i], [.. Enumerable.Repeat(i, i)], now: 0);
        _queue.Release(int.MaxValue, now: DatagramQueue.MaxAge);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => (i, i + 1)), _sender.Sent.Select(d => ((int)d[0], d.Length)));
        Assert.All(_sender.Sent, d => Assert.All(d, b => Assert.Equal(d[0], b)));
        Assert.Empty(_sender.Dropped);
        Assert.Equal((true, 0), (_queue.IsEmpty, _queue.Pending));
    }

    [Fact]
    public void What_is_too_old_gives_way_to_what_is_fresh()
    {
        Add([1], [], now: 0);
        Add([2], [], now: 1);
        Add([3], [], now: 50);
        _queue.Release(int.MaxValue, now: DatagramQueue.MaxAge + 2);
        Assert.Equal([3], _sender.Sent.Select(d => d[0]));
        Assert.Equal([DatagramDrop.TooLate, DatagramDrop.TooLate], _sender.Dropped);
    }

    [Fact]
    public void What_is_too_old_goes_when_another_comes_and_not_only_when_the_way_is_free()
    {
        Add([1], [], now: 0);
        Add([2], [], now: DatagramQueue.MaxAge + 1);
        Assert.Equal([DatagramDrop.TooLate], _sender.Dropped);
        Assert.Equal(1, _queue.Pending);
    }

    [Fact]
    public void A_full_backlog_drops_the_oldest()
    {
        byte[] payload = new byte[65_000];
        for (byte i = 0; i < 100; i++) Add([i], payload, now: 0);
        Assert.InRange(_queue.Pending, 1, DatagramQueue.MaxBytes);
        _queue.Release(int.MaxValue, now: 0);
        Assert.Equal([96, 97, 98, 99], _sender.Sent.Select(d => d[0]));
        Assert.Equal(Enumerable.Repeat(DatagramDrop.TunnelFull, 96), _sender.Dropped);
    }

    [Fact]
    public void No_more_goes_on_than_asked_for_but_at_least_one()
    {
        for (byte i = 0; i < 10; i++) Add([i], new byte[99], now: 0);
        _queue.Release(1, now: 0);
        Assert.Single(_sender.Sent);
        _queue.Release(250, now: 0);
        Assert.Equal([0, 1, 2, 3], _sender.Sent.Select(d => d[0]));
        Assert.Equal(600, _queue.Pending);
    }

    [Fact]
    public void What_its_stream_no_longer_takes_is_dropped_and_counted()
    {
        Add([1], [], now: 0);
        Add([2], [], now: 0);
        _sender.Takes = false;
        _queue.Release(int.MaxValue, now: 0);
        Assert.Equal([DatagramDrop.TunnelFull, DatagramDrop.TunnelFull], _sender.Dropped);
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void Clearing_drops_and_counts_all()
    {
        Add([1], [], now: 0);
        Add([2], [], now: 0);
        _queue.Clear();
        Assert.Equal(2, _sender.Dropped.Count);
        Assert.Equal((true, 0), (_queue.IsEmpty, _queue.Pending));
    }

    [Fact]
    public void Waiting_for_long_moves_bytes_and_changes_none()
    {
        Random random = new(4);
        int next = 0;
        for (byte i = 0; i < 250; i++)
        {
            for (int n = 0; n < 40; n++) Add([(byte)next++], [.. Enumerable.Repeat((byte)(next - 1), random.Next(3000))], now: i);
            _queue.Release(random.Next(90_000), now: i);
        }

        _queue.Release(int.MaxValue, now: 250);
        Assert.Equal(next, _sender.Sent.Count + _sender.Dropped.Count);
        Assert.All(_sender.Sent, d => Assert.All(d, b => Assert.Equal(d[0], b)));
    }

    private void Add(ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload, long now) => _queue.Add(_sender, head, payload, now);

    private sealed class Sender : IWaitingDatagrams
    {
        public List<byte[]> Sent { get; } = [];

        public List<DatagramDrop> Dropped { get; } = [];

        public bool Takes { get; set; } = true;

        public bool TrySendNow(ReadOnlySpan<byte> bytes)
        {
            if (Takes) Sent.Add(bytes.ToArray());
            return Takes;
        }

        public void OnDropped(DatagramDrop reason) => Dropped.Add(reason);
    }
}
