using Culvert.Http2.Frames;
using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests.Capsules;

/// <summary>DATA that is sent wholly or not at all.</summary>
public sealed class WholeMessageTests
{
    [Fact]
    public void MessagesThatFollowEachOtherShareAFrame()
    {
        var (client, stream) = Start();
        for (var i = 0; i < 100; i++) Assert.True(client.Connection.TrySendWhole(stream, [1, 2], new byte[48]));
        Assert.Equal("Data 1 5000", client.OutputText());
        Assert.True(client.Connection.TrySendWhole(stream, [1, 2], [3]));
        Assert.Equal("Data 1 3", client.OutputText());
    }

    [Fact]
    public void AFrameThatWasLookedAtGrowsNoMore()
    {
        var (client, stream) = Start();
        client.Connection.TrySendWhole(stream, [1], [2]);
        var seen = client.Connection.PeekOutput().ToArray();
        client.Connection.TrySendWhole(stream, [3], [4]);
        var all = client.Output();
        Assert.Equal([(2, new byte[] { 1, 2 }), (2, [3, 4])], all.Select(f => (f.Head.Length, f.Payload)));
        Assert.Equal(11, seen.Length);
    }

    [Fact]
    public void OtherFramesInBetweenBeginANewOne()
    {
        var (client, stream) = Start();
        var other = client.Open();
        client.Output();
        client.Connection.TrySendWhole(stream, [1], []);
        client.Connection.TrySendWhole(other, [1], []);
        client.Connection.TrySendWhole(other, [1], []);
        client.Connection.Ping(5);
        client.Connection.TrySendWhole(other, [1], []);
        Assert.Equal("Data 1 1\nData 3 2\nPing\nData 3 1", client.OutputText());
    }

    [Fact]
    public void AMessageLongerThanAFrameIsSplit()
    {
        var (client, stream) = Start();
        byte[] body = new byte[50_000];
        new Random(1).NextBytes(body);
        client.Connection.TrySendWhole(stream, [7], [8]);
        Assert.True(client.Connection.TrySendWhole(stream, [1, 2, 3], body));
        var frames = client.Output();
        Assert.All(frames, f => Assert.True(f.Head.Type == FrameType.Data && f.Head.Length <= 16_375));
        Assert.Equal([7, 8, 1, 2, 3, .. body], frames.SelectMany(f => f.Payload));
    }

    [Fact]
    public void WithoutWindowNothingIsSentAndNothingRemembered()
    {
        var (client, stream) = Start();
        Assert.False(client.Connection.TrySendWhole(stream, [1], new byte[65_535]));
        Assert.True(client.Connection.TrySendWhole(stream, [1], new byte[65_000]));
        Assert.False(client.Connection.TrySendWhole(stream, [1], new byte[600]));
        client.Output();
        client.Send(new Wire().WindowUpdate(1, 10_000));
        Assert.False(client.Connection.TrySendWhole(stream, [1], new byte[600]));
        client.Send(new Wire().WindowUpdate(0, 10_000));
        Assert.True(client.Connection.TrySendWhole(stream, [1], new byte[600]));
        Assert.DoesNotContain("window", client.Recorder.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void TooMuchPendingOutputRefusesMessages()
    {
        var client = new Endpoint(Http2Role.Client, new Http2Options { OutputHighWaterMark = 1000 });
        var stream = client.Open();
        while (client.Connection.PendingOutput < 1000) Assert.True(client.Connection.TrySendWhole(stream, [1], new byte[100]));
        Assert.False(client.Connection.TrySendWhole(stream, [1], new byte[1]));
        client.Output();
        Assert.True(client.Connection.TrySendWhole(stream, [1], new byte[1]));
    }

    [Fact]
    public void AClosedStreamRefusesMessages()
    {
        var (client, stream) = Start();
        client.Connection.CommitData(stream, 0, endStream: true);
        Assert.False(client.Connection.TrySendWhole(stream, [1], [2]));
    }

    [Fact]
    public void MessagesAllocateNothing()
    {
        var pair = new Pair();
        var stream = pair.Client.Open();
        pair.Server.Recorder.AutoConsume = true;
        byte[] body = new byte[200];
        long least = long.MaxValue;
        for (var attempt = 0; attempt < 4; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 10_000; i++)
            {
                Assert.True(pair.Client.Connection.TrySendWhole(stream, [0, 1], body));
                if (i % 50 == 0) pair.Pump();
            }

            pair.Pump();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    private static (Endpoint Client, Http2Stream Stream) Start()
    {
        var client = new Endpoint(Http2Role.Client);
        var stream = client.Open();
        client.Output();
        return (client, stream);
    }
}
