using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Peers that cost more than they bring.</summary>
public sealed class FloodTests
{
    [Fact]
    public void RapidReset()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 100 });
        var result = Flood(server, i => new Wire().Headers((i * 2) + 1, true, Wire.Get).Reset((i * 2) + 1), 1000, out var count);
        Assert.Equal((Http2CloseReason.RapidReset, Http2ErrorCode.EnhanceYourCalm), (result.Reason, result.Code));
        Assert.Equal(101, count);
    }

    [Fact]
    public void ResetsAreForgivenWithTime()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 100 });
        var result = Flood(
            server,
            i =>
            {
                server.Time.Advance(TimeSpan.FromMilliseconds(110));
                return new Wire().Headers((i * 2) + 1, true, Wire.Get).Reset((i * 2) + 1);
            },
            1000,
            out _);
        Assert.False(result.IsClosed);
    }

    [Fact]
    public void ResetsOfAnsweredStreamsAreCheap()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 10, MaxResets = 500 });
        server.Recorder.Headers = (stream, _, _, _) => server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), false);
        var result = Flood(server, i => new Wire().Headers((i * 2) + 1, true, Wire.Get).Reset((i * 2) + 1), 1000, out var count);
        Assert.Equal((Http2CloseReason.RapidReset, 501), (result.Reason, count));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void RefusedRequestsCountAndEndInGoAwayWhileRunningStreamsGoOn()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 100, ControlFrameBurst = 100, ControlFramesPerSecond = 0 });
        server.Send(new Wire().Headers(1, false, Wire.Post));
        server.Connection.SendHeaders(server.Recorder.Streams[1], Endpoint.List(Wire.Ok), false);
        server.Recorder.Headers = (stream, _, _, _) => server.Connection.Refuse(stream, Endpoint.List(Wire.Ok));
        var goAway = 0;
        for (var i = 1; goAway == 0; i++)
        {
            Assert.False(server.Send(new Wire().Headers((i * 2) + 1, true, Wire.Get)).IsClosed);
            if (server.OutputText().Contains("GOAWAY", StringComparison.Ordinal)) goAway = i;
        }

        Assert.Equal(101, goAway);
        Assert.False(server.Send(new Wire().Headers(1001, true, Wire.Get).Data(1, 1, false)).IsClosed);
        Assert.DoesNotContain("Headers 1001", server.OutputText(), StringComparison.Ordinal);
        Assert.Equal(1, server.Connection.OpenStreams);
        server.Connection.SendData(server.Recorder.Streams[1], new byte[5], true, out var sent);
        Assert.Equal((5, "Data 1 5 end"), (sent, server.OutputText()));

        // Whoever goes on all the same is cut off.
        var result = Http2ReceiveResult.Ok;
        for (var i = 600; !result.IsClosed; i++) result = server.Send(new Wire().Headers((i * 2) + 1, true, Wire.Get));
        Assert.Equal(Http2CloseReason.ControlFlood, result.Reason);
    }

    [Fact]
    public void RefusalsAreForgivenWithTime()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 100 });
        server.Recorder.Headers = (stream, _, _, _) => server.Connection.Refuse(stream, Endpoint.List(Wire.Ok));
        for (var i = 0; i < 1000; i++)
        {
            server.Time.Advance(TimeSpan.FromMilliseconds(110));
            server.Send(new Wire().Headers((i * 2) + 1, true, Wire.Get));
        }

        Assert.False(server.Connection.IsDraining);
    }

    [Fact]
    public void PeerThatMakesThisSideResetIsCountedToo()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 100 });
        var result = Flood(server, i => new Wire().Headers((i * 2) + 1, false, Wire.Post).WindowUpdate((i * 2) + 1, 0), 1000, out var count);
        Assert.Equal((Http2CloseReason.RapidReset, 101), (result.Reason, count));
    }

    [Theory]
    [InlineData("ping")]
    [InlineData("pong")]
    [InlineData("settings")]
    [InlineData("settings ack")]
    [InlineData("priority")]
    [InlineData("window")]
    [InlineData("stream window")]
    [InlineData("empty data")]
    [InlineData("padded empty data")]
    [InlineData("unknown")]
    [InlineData("goaway")]
    [InlineData("closed reset")]
    [InlineData("closed headers")]
    public void ControlFrames(string kind)
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxPrematureResets = 100_000 });
        server.Send(new Wire().Headers(1, false, Wire.Post).Headers(3, false, Wire.Post));
        server.Connection.Reset(server.Recorder.Streams[3], Http2ErrorCode.Cancel);
        var result = Flood(
            server,
            _ => kind switch
            {
                "ping" => new Wire().Ping(1),
                "pong" => new Wire().Ping(1, ack: true),
                "settings" => new Wire().Settings((4, 100)),
                "settings ack" => new Wire().SettingsAck(),
                "priority" => new Wire().Frame(2, 0, 5, 0, 0, 0, 0, 0),
                "window" => new Wire().WindowUpdate(0, 1),
                "stream window" => new Wire().WindowUpdate(1, 1),
                "empty data" => new Wire().Data(1, 0),
                "padded empty data" => new Wire().Frame(0, 8, 1, [49, .. new byte[49]]),
                "unknown" => new Wire().Frame(0x77, 0, 0, 1),
                "goaway" => new Wire().GoAway(0),
                "closed reset" => new Wire().Reset(3),
                "closed headers" => new Wire().Headers(3, true, ("a", "b")),
                _ => throw new ArgumentException(kind),
            },
            3000,
            out var count);
        Assert.Equal((Http2CloseReason.ControlFlood, Http2ErrorCode.EnhanceYourCalm), (result.Reason, result.Code));
        Assert.InRange(count, 950, 1020);
    }

    [Fact]
    public void ControlFramesAtAModestRateAreFine()
    {
        var server = new Endpoint(Http2Role.Server);
        var result = Flood(
            server,
            _ =>
            {
                server.Time.Advance(TimeSpan.FromMilliseconds(6));
                return new Wire().Ping(1);
            },
            20_000,
            out _);
        Assert.False(result.IsClosed);
    }

    [Fact]
    public void WindowUpdatesForDataThatWasSentAreFine()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Post));
        var stream = server.Recorder.Streams[1];
        server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), false);
        for (var i = 0; i < 20_000; i++)
        {
            server.Connection.SendData(stream, new byte[100], false, out var sent);
            Assert.Equal(100, sent);
            server.Connection.AdvanceOutput(server.Connection.PendingOutput);
            Assert.False(server.Send(new Wire().WindowUpdate(0, 100).WindowUpdate(1, 100)).IsClosed);
        }
    }

    [Fact]
    public void AFrameFullOfSettingsCountsAsMany()
    {
        var server = new Endpoint(Http2Role.Server);
        var result = Flood(server, _ => new Wire().Settings([.. Enumerable.Range(0, 10_000).Select(i => (4, (uint)i))]), 10, out var count);
        Assert.Equal((Http2CloseReason.ControlFlood, 1), (result.Reason, count));
    }

    [Fact]
    public void ManyStreamsMayBeResetAtOnce()
    {
        // The answers to them that are still under way are no attack.
        var client = new Endpoint(Http2Role.Client);
        client.Send(new Wire().Settings((3, 2000)));
        var streams = Enumerable.Range(0, 2000).Select(_ => client.Open()).ToArray();
        foreach (var stream in streams) client.Connection.Reset(stream, Http2ErrorCode.Cancel);
        foreach (var stream in streams)
        {
            Assert.False(client.Send(new Wire().Headers(stream.Id, false, Wire.Ok).WindowUpdate(stream.Id, 100).Data(stream.Id, 100, true)).IsClosed);
        }
    }

    [Fact]
    public void TinyWindowsDoNotPayForThemselves()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Settings((4, 0)).Headers(1, false, Wire.Post));
        var stream = server.Recorder.Streams[1];
        server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), false);
        server.Connection.ReserveData(stream, 10_000);
        server.Recorder.Window = s => server.Connection.SendData(s, new byte[10_000], false, out _);
        var result = Flood(server, _ => new Wire().WindowUpdate(1, 1), 3000, out var count);
        Assert.Equal(Http2CloseReason.ControlFlood, result.Reason);
        Assert.InRange(count, 950, 1020);
    }

    [Fact]
    public void ContinuationFlood()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Frame(1, 0, 1));
        var result = Flood(server, _ => new Wire().Frame(9, 0, 1), 1000, out var count);
        Assert.Equal((Http2CloseReason.ContinuationFlood, 33), (result.Reason, count));
    }

    [Fact]
    public void EndlessHeaderBlock()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxHeaderListSize = 65_536 });
        server.Send(new Wire().Frame(1, 0, 1, new byte[60_000]));
        var result = Flood(server, _ => new Wire().Frame(9, 0, 1, new byte[60_000]), 1000, out var count);
        Assert.Equal((Http2CloseReason.ContinuationFlood, 2), (result.Reason, count));
    }

    [Fact]
    public void PeerThatDoesNotReadItsAnswers()
    {
        var options = new Http2Options { ControlFrameBurst = 1_000_000, MaxOutputBytes = 100_000 };
        var server = new Endpoint(Http2Role.Server, options);
        var result = Http2ReceiveResult.Ok;
        for (var i = 0; i < 100_000 && !result.IsClosed; i++) result = server.Send(new Wire().Ping(1));
        Assert.Equal(Http2CloseReason.OutputOverflow, result.Reason);
        Assert.InRange(server.Connection.PendingOutput, 100_000, 100_200);
    }

    [Fact]
    public void InformationalResponsesAreBounded()
    {
        var client = new Endpoint(Http2Role.Client);
        client.Open();
        var result = Flood(client, _ => new Wire().Headers(1, false, (":status", "103")), 3000, out _);
        Assert.Equal(Http2CloseReason.ControlFlood, result.Reason);
    }

    private static Http2ReceiveResult Flood(Endpoint endpoint, Func<int, Wire> frames, int max, out int count)
    {
        var result = Http2ReceiveResult.Ok;
        for (count = 0; count < max && !result.IsClosed; count++)
        {
            result = endpoint.Send(frames(count));
            endpoint.Connection.AdvanceOutput(endpoint.Connection.PendingOutput);
        }

        return result;
    }
}
