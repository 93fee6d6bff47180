using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Windows in both directions (RFC 9113, section 5.2 and 6.9).</summary>
public sealed class FlowControlTests
{
    [Fact]
    public void StartAnnouncesTheWindows()
    {
        var client = new Endpoint(Http2Role.Client, new Http2Options { StreamWindow = 1000, ConnectionWindow = 100_000 }, handshake: false);
        var frames = client.Output();
        Assert.Equal("00020000000000040000" + "03e80005000100000006" + "00010000", Convert.ToHexStringLower(frames[0].Payload));
        Assert.Equal(100_000 - 65_535, (frames[1].Payload[2] << 8) | frames[1].Payload[3]);
    }

    [Fact]
    public void ReserveTakesTheLeastOfAllLimits()
    {
        var client = new Endpoint(Http2Role.Client);
        client.Send(new Wire().Settings((4, 20_000)));
        var stream = client.Open();
        client.Output();
        Assert.Equal(100, client.Connection.ReserveData(stream, 100).Length);
        client.Connection.CommitData(stream, 0, false);
        Assert.Equal(16_375, client.Connection.ReserveData(stream, 99_999).Length);
        client.Connection.CommitData(stream, 16_375, false);
        Assert.Equal(20_000 - 16_375, client.Connection.ReserveData(stream, 99_999).Length);
        client.Connection.CommitData(stream, 3_000, false);
        Assert.Equal(625, stream.SendWindow);
        Assert.Equal(65_535 - 19_375, client.Connection.SendWindow);
        Assert.Equal("Data 1 16375\nData 1 3000", client.OutputText());
    }

    [Fact]
    public void ReservationRulesAreEnforced()
    {
        var client = new Endpoint(Http2Role.Client);
        var one = client.Open();
        var two = client.Open();
        Assert.Throws<InvalidOperationException>(() => client.Connection.CommitData(one, 1, false));
        Assert.False(client.Connection.ReserveData(one, 10).IsEmpty);
        Assert.Throws<InvalidOperationException>(() => client.Connection.CommitData(two, 1, false));
        Assert.Throws<InvalidOperationException>(() => client.Connection.Ping(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => client.Connection.CommitData(one, 11, false));
        client.Connection.Reset(one, Http2ErrorCode.Cancel);
        client.Connection.Ping(1);
        Assert.EndsWith("RST 1 Cancel\nPing", client.OutputText(), StringComparison.Ordinal);
    }

    [Fact]
    public void BlockedStreamIsCalledWhenItsWindowOpens()
    {
        var client = new Endpoint(Http2Role.Client);
        client.Send(new Wire().Settings((4, 10)));
        var stream = client.Open();
        client.Connection.SendData(stream, new byte[25], true, out var sent);
        Assert.Equal(10, sent);
        client.Send(new Wire().WindowUpdate(1, 10));
        Assert.Contains("1 window", client.Recorder.Events);
        client.Connection.SendData(stream, new byte[15], true, out sent);
        Assert.Equal(10, sent);
        client.Send(new Wire().Settings((4, 20)));
        Assert.Equal(2, client.Recorder.Events.Count(e => e == "1 window"));
        client.Connection.SendData(stream, new byte[5], true, out sent);
        Assert.Equal(5, sent);
        Assert.EndsWith("Data 1 5 end", client.OutputText(), StringComparison.Ordinal);
    }

    [Fact]
    public void WindowCanGoNegativeBySettings()
    {
        var client = new Endpoint(Http2Role.Client);
        var stream = client.Open();
        client.Connection.SendData(stream, new byte[1000], false, out _);
        client.Send(new Wire().Settings((4, 0)));
        Assert.Equal(-1000, stream.SendWindow);
        Assert.True(client.Connection.ReserveData(stream, 1).IsEmpty);
        client.Send(new Wire().WindowUpdate(1, 1000));
        Assert.DoesNotContain("1 window", client.Recorder.Events);
        client.Send(new Wire().WindowUpdate(1, 1));
        Assert.Contains("1 window", client.Recorder.Events);
        Assert.Equal(1, client.Connection.ReserveData(stream, 10).Length);
    }

    [Fact]
    public void EndOfStreamNeedsNoWindow()
    {
        var client = new Endpoint(Http2Role.Client);
        client.Send(new Wire().Settings((4, 0)));
        var stream = client.Open();
        Assert.True(client.Connection.ReserveData(stream, 1).IsEmpty);
        client.Connection.CommitData(stream, 0, true);
        Assert.EndsWith("Data 1 0 end", client.OutputText(), StringComparison.Ordinal);
        Assert.Equal(Http2StreamState.HalfClosedLocal, stream.StreamState);
    }

    [Fact]
    public void ConnectionWindowIsSharedInTurn()
    {
        var client = new Endpoint(Http2Role.Client);
        var order = new List<int>();
        var streams = Enumerable.Range(0, 4).Select(_ => client.Open()).ToArray();
        client.Output();
        client.Connection.SendData(streams[0], new byte[65_535], false, out var sent);
        Assert.Equal(65_535, sent);
        foreach (var stream in streams) Assert.True(client.Connection.ReserveData(stream, 1).IsEmpty);
        client.Send(new Wire().WindowUpdate(1, 65_535));
        client.Recorder.Window = stream =>
        {
            order.Add(stream.Id);
            client.Connection.SendData(stream, new byte[100], false, out var n);
            Assert.InRange(n, 1, 100);
            client.Connection.ReserveData(stream, 1);
            client.Connection.CommitData(stream, 0, false);
        };
        for (var i = 0; i < 8; i++) client.Send(new Wire().WindowUpdate(0, 100));
        Assert.Equal([3, 5, 7, 1, 3, 5, 7, 1], order);
    }

    [Fact]
    public void FullOutputHoldsDataBackUntilItDrains()
    {
        var client = new Endpoint(Http2Role.Client, new Http2Options { OutputHighWaterMark = 10_000 });
        var stream = client.Open();
        client.Connection.SendData(stream, new byte[30_000], false, out var sent);
        Assert.Equal(16_375, sent);
        client.Connection.AdvanceOutput(6_000);
        Assert.DoesNotContain("1 window", client.Recorder.Events);
        client.Connection.AdvanceOutput(1_000);
        Assert.Contains("1 window", client.Recorder.Events);
    }

    [Fact]
    public void WindowIsGivenBackInQuarters()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { StreamWindow = 1000, ConnectionWindow = 65_536 });
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post).Data(1, 1000));
        var stream = server.Recorder.Streams[1];
        server.Connection.Consumed(stream, 249);
        Assert.Equal("", server.OutputText());
        server.Connection.Consumed(stream, 1);
        Assert.Equal("WINDOW 1 250", server.OutputText());
        server.Connection.Consumed(stream, 250);
        Assert.Equal("WINDOW 1 250", server.OutputText());
        for (var i = 0; i < 32; i++)
        {
            server.Connection.Consumed(stream, 1000);
            server.Send(new Wire().Data(1, 500));
            server.Connection.Consumed(stream, 500);
            server.Send(new Wire().Data(1, 500));
        }

        server.Connection.Consumed(stream, 1000);
        var text = server.OutputText();
        Assert.Contains("WINDOW 0 ", text, StringComparison.Ordinal);
        Assert.False(server.Connection.IsClosed);
        Assert.Equal(0, stream.Unconsumed);
    }

    [Fact]
    public void PaddingAndIgnoredDataAreGivenBack()
    {
        var options = new Http2Options { ConnectionWindow = 65_536, StreamWindow = 60_000 };
        var server = new Endpoint(Http2Role.Server, options);
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post));
        for (var i = 0; i < 128; i++) server.Send(new Wire().Frame(0, 8, 1, [254, 1, .. new byte[254]]));
        Assert.Equal(128, server.Recorder.Streams[1].Unconsumed);
        Assert.Equal("WINDOW 1 15045\nWINDOW 1 15045", server.OutputText());
        for (var i = 0; i < 2; i++) server.Send(new Wire().Frame(0, 8, 1, [254, 1, .. new byte[254]]));
        Assert.Equal("WINDOW 0 32895", server.OutputText());

        // Reset: what was not consumed, and what still comes, goes back to the connection.
        server.Connection.Reset(server.Recorder.Streams[1], Http2ErrorCode.Cancel);
        for (var i = 0; i < 100; i++) server.Send(new Wire().Data(1, 10_000));
        Assert.False(server.Connection.IsClosed);
    }

    [Fact]
    public void ResetInTheMiddleOfAFrameLosesNoWindow()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { ConnectionWindow = 65_536 });
        server.Recorder.AutoConsume = false;
        var id = 1;
        for (var round = 0; round < 50; round++, id += 2)
        {
            server.Send(new Wire().Headers(id, false, Wire.Post));
            var frame = new Wire().Frame(0, 8, id, [100, .. new byte[20_000]]).Bytes;
            server.Connection.Receive(frame.AsSpan(0, 5_000));
            server.Connection.Reset(server.Recorder.Streams[id], Http2ErrorCode.Cancel);
            server.Connection.Receive(frame.AsSpan(5_000));
            Assert.False(server.Connection.IsClosed, server.Connection.Result.Message);
            server.Output();
        }
    }

    [Fact]
    public void SmallStreamWindowCountsFromTheAcknowledgement()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { StreamWindow = 10 }, handshake: false);
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Preface().Settings().Headers(1, false, Wire.Post).Data(1, 1000).SettingsAck());
        Assert.DoesNotContain("RST", server.OutputText(), StringComparison.Ordinal);
        server.Send(new Wire().Headers(3, false, Wire.Post).Data(3, 11));
        Assert.Contains("RST 3 FlowControlError", server.OutputText(), StringComparison.Ordinal);
    }

    [Fact]
    public void AnySplitOfTheInputGivesTheSameResult()
    {
        var random = new Random(5);
        var wire = new Wire().Preface().Settings((1, 100), (4, 70_000)).SettingsAck();
        for (var id = 1; id < 40; id += 2)
        {
            var block = Wire.Block(Wire.Post);
            wire.Frame(1, 0x28, id, [3, 0, 0, 0, 0, 1, .. block[..20], 0, 0, 0]).Frame(9, 0, id, block[20..30]).Frame(9, 4, id, block[30..]);
            wire.Data(id, random.Next(2000)).Frame(0, 8, id, [9, .. new byte[30]]).Ping((byte)id).Frame(0x40, 0, id, new byte[random.Next(50)]);
            if (id % 3 == 0) wire.Reset(id); else if (id % 5 == 0) wire.Headers(id, true, ("trailer", "x")); else wire.Frame(0, 9, id, [3, 0, 0, 0, 0]);
        }

        wire.GoAway(0);
        var bytes = wire.Bytes;
        var expected = Feed(bytes, () => bytes.Length);
        Assert.Contains("1 data", expected, StringComparison.Ordinal);
        Assert.Contains("goaway", expected, StringComparison.Ordinal);
        Assert.Equal(expected, Feed(bytes, () => 1));
        for (var round = 0; round < 50; round++)
        {
            var max = 1 + random.Next(200);
            Assert.Equal(expected, Feed(bytes, () => 1 + random.Next(max)));
        }
    }

    private static string Feed(byte[] bytes, Func<int> next)
    {
        var server = new Endpoint(Http2Role.Server, handshake: false);
        for (var at = 0; at < bytes.Length;)
        {
            var n = Math.Min(next(), bytes.Length - at);
            server.Connection.Receive(bytes.AsSpan(at, n));
            at += n;
        }

        return server.Recorder.Text + "\n" + server.OutputText() + "\n" + server.Connection.Result.Message;
    }

    [Fact]
    public void AWidenedWindowTakesSoMuchMore()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { StreamWindow = 65_535, ConnectionWindow = 1 << 20 });
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Get));
        server.Connection.WidenWindow(server.Recorder.Streams[1], 20_000);
        Assert.Equal("WINDOW 1 20000", server.OutputText());
        for (var i = 0; i < 8; i++) server.Send(new Wire().Data(1, 10_000));
        server.Send(new Wire().Data(1, 5_535));
        Assert.Equal("", server.OutputText());
        server.Send(new Wire().Data(1, 1));
        Assert.Equal("RST 1 FlowControlError", server.OutputText());
    }

    [Fact]
    public void AWindowThatIsNarrowedCountsFromThePeersAcknowledgementOn()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { StreamWindow = 1000 });
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post));
        server.Connection.ChangeStreamWindow(100);
        Assert.Equal("Settings", server.OutputText());

        // What was sent by the old window is taken, and the new one is used up by it.
        Assert.False(server.Send(new Wire().Data(1, 1000, false).SettingsAck()).IsClosed);
        Assert.Equal(100, server.Connection.StreamWindow);
        server.Connection.Consumed(server.Recorder.Streams[1], 950);
        Assert.Equal("WINDOW 1 950", server.OutputText());
        Assert.False(server.Send(new Wire().Data(1, 50, false)).IsClosed);
        server.Send(new Wire().Data(1, 1, false));
        Assert.Contains("RST 1 FlowControlError", server.OutputText(), StringComparison.Ordinal);

        // New streams have the new window, and the old one again when it is widened.
        server.Send(new Wire().Headers(3, false, Wire.Post));
        Assert.False(server.Send(new Wire().Data(3, 100, false)).IsClosed);
        server.Connection.ChangeStreamWindow(1000);
        Assert.False(server.Send(new Wire().SettingsAck().Data(3, 900, false)).IsClosed);
        Assert.Equal("Settings", server.OutputText());
    }
}
