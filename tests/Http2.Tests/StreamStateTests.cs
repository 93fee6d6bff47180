using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>The life of a stream (RFC 9113, section 5.1) and errors that end only one.</summary>
public sealed class StreamStateTests
{
    [Fact]
    public void ServerStreamGoesFromOpenToClosed()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Post));
        var stream = server.Recorder.Streams[1];
        Assert.Equal(Http2StreamState.Open, stream.StreamState);
        server.Send(new Wire().Data(1, 5, end: true));
        Assert.Equal(Http2StreamState.HalfClosedRemote, stream.StreamState);
        Assert.True(server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), false));
        Assert.Equal(1, server.Connection.OpenStreams);
        server.Connection.CommitData(stream, 0, true);
        Assert.Equal(Http2StreamState.Closed, stream.StreamState);
        Assert.Equal(0, server.Connection.OpenStreams);
        Assert.Equal("settings\n1 Request :method=POST :scheme=https :authority=a :path=/\n1 data 5\n1 end\n1 closed", server.Recorder.Text);
        Assert.Equal("Headers 1\nData 1 0 end", server.OutputText());
        Assert.False(server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), true));
        Assert.True(server.Connection.ReserveData(stream, 10).IsEmpty);
    }

    [Fact]
    public void ClientStreamHalfClosesLocallyFirst()
    {
        var client = new Endpoint(Http2Role.Client);
        var stream = client.Open(end: true);
        Assert.Equal(Http2StreamState.HalfClosedLocal, stream.StreamState);
        client.Send(new Wire().Headers(1, false, (":status", "100")).Headers(1, false, Wire.Ok).Data(1, 3).Headers(1, true, ("grpc-status", "0")));
        Assert.Equal(
            "settings\n1 InformationalResponse :status=100\n1 Response :status=200\n1 data 3\n1 Trailers grpc-status=0 end\n1 closed",
            client.Recorder.Text);
    }

    [Fact]
    public void ServerMayEndFirst()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Post));
        var stream = server.Recorder.Streams[1];
        server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), true);
        Assert.Equal(Http2StreamState.HalfClosedLocal, stream.StreamState);
        server.Send(new Wire().Data(1, 5).Data(1, 0, end: true));
        Assert.Equal(Http2StreamState.Closed, stream.StreamState);
        Assert.Equal("1 data 5\n1 end\n1 closed", string.Join('\n', server.Recorder.Events.Skip(2)));
    }

    [Fact]
    public void ClosedIsToldOnlyWhenEverythingIsConsumed()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post).Data(1, 5, end: true));
        var stream = server.Recorder.Streams[1];
        server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), true);
        Assert.Equal(0, server.Connection.OpenStreams);
        Assert.DoesNotContain("1 closed", server.Recorder.Events);
        server.Connection.Consumed(stream, 2);
        Assert.Equal(3, stream.Unconsumed);
        Assert.DoesNotContain("1 closed", server.Recorder.Events);
        server.Connection.Consumed(stream, 99);
        Assert.Contains("1 closed", server.Recorder.Events);
    }

    [Fact]
    public void ResetByThePeer()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post).Data(1, 9).Reset(1, 8));
        Assert.Equal(["1 reset Cancel", "1 closed"], server.Recorder.Events.Skip(3));
        Assert.Equal("", server.OutputText());
        Assert.False(server.Send(new Wire().WindowUpdate(1, 5).Reset(1)).IsClosed);
    }

    [Fact]
    public void ResetByThisSideIgnoresWhatIsStillUnderWay()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Post).Raw(0, 0, 100, 0, 1, 0, 0, 0, 1).Raw(new byte[40]));
        server.Connection.Reset(server.Recorder.Streams[1], Http2ErrorCode.Cancel);
        Assert.Equal("RST 1 Cancel", server.OutputText());
        server.Send(new Wire().Raw(new byte[60]).WindowUpdate(1, 1).Headers(1, true, ("x", "y")).Data(1, 4).Reset(1).Headers(3, true, Wire.Get));
        Assert.Equal("", server.OutputText());
        Assert.Equal("settings|1 Request :method=POST :scheme=https :authority=a :path=/|1 data 40|1 closed|3 Request :method=GET :scheme=https :authority=a :path=/ end", string.Join('|', server.Recorder.Events));
    }

    [Theory]
    [InlineData("DATA after END_STREAM", Http2ErrorCode.StreamClosed)]
    [InlineData("HEADERS after END_STREAM", Http2ErrorCode.StreamClosed)]
    [InlineData("trailers without END_STREAM", Http2ErrorCode.ProtocolError)]
    [InlineData("trailers with a pseudo header", Http2ErrorCode.ProtocolError)]
    [InlineData("WINDOW_UPDATE of 0", Http2ErrorCode.ProtocolError)]
    [InlineData("WINDOW_UPDATE overflow", Http2ErrorCode.FlowControlError)]
    [InlineData("PRIORITY of 4 bytes", Http2ErrorCode.FrameSizeError)]
    [InlineData("DATA beyond the window", Http2ErrorCode.FlowControlError)]
    [InlineData("less than content-length", Http2ErrorCode.ProtocolError)]
    [InlineData("more than content-length", Http2ErrorCode.ProtocolError)]
    [InlineData("trailers before content-length", Http2ErrorCode.ProtocolError)]
    public void EndsTheStreamOnly(string name, Http2ErrorCode code)
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { StreamWindow = 100 });
        server.Recorder.AutoConsume = false;
        var post = new Wire().Headers(1, false, Wire.Post);
        var sized = new Wire().Headers(1, false, [.. Wire.Post, ("content-length", "5")]);
        var wire = name switch
        {
            "DATA after END_STREAM" => new Wire().Headers(1, true, Wire.Get).Data(1, 1),
            "HEADERS after END_STREAM" => new Wire().Headers(1, true, Wire.Get).Headers(1, true, Wire.Get),
            "trailers without END_STREAM" => post.Headers(1, false, ("a", "b")),
            "trailers with a pseudo header" => post.Headers(1, true, (":path", "/")),
            "WINDOW_UPDATE of 0" => post.WindowUpdate(1, 0),
            "WINDOW_UPDATE overflow" => post.WindowUpdate(1, int.MaxValue),
            "PRIORITY of 4 bytes" => post.Frame(2, 0, 1, 0, 0, 0, 0),
            "DATA beyond the window" => post.Data(1, 60).Data(1, 41),
            "less than content-length" => sized.Data(1, 4, end: true),
            "more than content-length" => sized.Data(1, 6),
            "trailers before content-length" => sized.Data(1, 4).Headers(1, true, ("a", "b")),
            _ => throw new ArgumentException(name),
        };
        Assert.False(server.Send(wire).IsClosed);
        Assert.Equal($"RST 1 {code}", server.OutputText());
        Assert.Equal([$"1 reset {code}", "1 closed"], server.Recorder.Events.TakeLast(2));
        server.Send(new Wire().Headers(3, true, Wire.Get));
        Assert.Equal(1, server.Connection.OpenStreams);
    }

    [Fact]
    public void DataBeforeTheResponseIsAnError()
    {
        var client = new Endpoint(Http2Role.Client);
        client.Open();
        client.Output();
        client.Send(new Wire().Data(1, 5));
        Assert.Equal("RST 1 ProtocolError", client.OutputText());
    }

    [Fact]
    public void StreamsBeyondTheLimitAreRefused()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxConcurrentStreams = 2 });
        server.Send(new Wire().Headers(1, true, Wire.Get).Headers(3, true, Wire.Get).Headers(5, false, Wire.Post).Data(5, 10));
        Assert.Equal("RST 5 RefusedStream", server.OutputText());
        server.Connection.SendHeaders(server.Recorder.Streams[1], Endpoint.List(Wire.Ok), true);
        server.Send(new Wire().Headers(7, true, Wire.Get));
        Assert.Equal(7, server.Connection.LastPeerStreamId);
        Assert.True(server.Recorder.Streams.ContainsKey(7));
    }

    [Fact]
    public void ClientRespectsThePeersLimit()
    {
        var client = new Endpoint(Http2Role.Client);
        client.Send(new Wire().Settings((3, 1)));
        var stream = client.Open();
        Assert.False(client.Connection.CanOpenStream);
        Assert.Null(client.Connection.OpenStream(Endpoint.List(Wire.Get), true, null));
        client.Connection.Reset(stream, Http2ErrorCode.Cancel);
        Assert.Equal(3, client.Open().Id);
    }

    [Fact]
    public void OnlyClientsOpenStreams() =>
        Assert.Throws<InvalidOperationException>(() => new Endpoint(Http2Role.Server).Connection.OpenStream(new HeaderList(), true, null));

    [Fact]
    public void TrailersMustEndTheStream()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, true, Wire.Get));
        var stream = server.Recorder.Streams[1];
        server.Connection.SendHeaders(stream, Endpoint.List((":status", "103")), false);
        server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), false);
        Assert.Throws<InvalidOperationException>(() => server.Connection.SendHeaders(stream, Endpoint.List(("a", "b")), false));
        Assert.True(server.Connection.SendHeaders(stream, Endpoint.List(("a", "b")), true));
    }

    [Fact]
    public void ReceiveIsNotReentrant()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Recorder.Headers = (_, _, _, _) => server.Connection.Receive([]);
        Assert.Throws<InvalidOperationException>(() => server.Send(new Wire().Headers(1, true, Wire.Get)));
    }

    [Fact]
    public void HandlerMayAnswerResetAndCloseFromWithin()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Recorder.Headers = (stream, _, _, _) =>
        {
            if (stream.Id == 1) server.Connection.Reset(stream, Http2ErrorCode.RefusedStream);
            if (stream.Id == 3) server.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), true);
            if (stream.Id == 7) server.Connection.GoAway(Http2ErrorCode.NoError, "bye");
        };
        server.Recorder.Data = (stream, _, end) =>
        {
            if (end) server.Connection.Reset(stream, Http2ErrorCode.NoError);
        };
        server.Send(new Wire().Headers(1, false, Wire.Post).Data(1, 10).Headers(3, false, Wire.Post).Data(3, 10, end: true).Headers(5, false, Wire.Post).Data(5, 10, end: true).Headers(7, true, Wire.Get).Ping(1));
        Assert.Equal("RST 1 RefusedStream\nHeaders 3 end\nRST 5 NoError\nGOAWAY 7 NoError", server.OutputText());
        Assert.Equal(Http2CloseReason.Local, server.Connection.Result.Reason);
    }

    [Fact]
    public void TransportClosedResetsEveryStream()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Post));
        server.Connection.TransportClosed();
        Assert.Equal(["1 reset InternalError", "1 closed"], server.Recorder.Events.TakeLast(2));
        Assert.Equal(0, server.Connection.PendingOutput);
        Assert.True(server.Connection.IsDrained);
    }
}
