using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Windows that follow what fits on the way. The test is the client: it sends as much as it may and answers PINGs when it likes.</summary>
public sealed class WindowGrowthTests
{
    // The eight bytes "Culvert" 2, by which the connection knows its measurement.
    private static readonly byte[] RoundPing = [.. "Culvert"u8, 2];

    [Fact]
    public void AStreamThatFillsItsWindowWithinARoundMayHaveTwiceAsMuchUpToTheLimit()
    {
        var server = Start(new Http2Options { StreamWindow = 1000, MaxStreamWindow = 3000, ConnectionWindow = 1 << 20 });
        Assert.Equal("WINDOW 1 250\nPing", Take(server, 250));
        Assert.Equal("WINDOW 1 750", Take(server, 750));

        // The round is over: what comes next is answered with the window and as much again.
        server.Send(Answer());
        Assert.Equal("WINDOW 1 1001", Take(server, 1));
        Assert.Equal(1000, server.Recorder.Granted);

        server.Time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal("WINDOW 1 500\nPing", Take(server, 500));
        Assert.Equal("WINDOW 1 1500", Take(server, 1500));
        server.Send(Answer());
        Assert.Equal("WINDOW 1 1001", Take(server, 1));
        Assert.Equal(2000, server.Recorder.Granted);

        // There it ends.
        server.Time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal("WINDOW 1 3000", Take(server, 3000));
        server.Send(new Wire().Data(1, 3001));
        Assert.Contains("RST 1 FlowControlError", server.OutputText(), StringComparison.Ordinal);
        Assert.Equal(0, server.Recorder.Granted);
    }

    [Fact]
    public void AReaderThatIsSlowItselfDoesNotGetMore()
    {
        var server = Start(new Http2Options { StreamWindow = 1000, MaxStreamWindow = 8000, ConnectionWindow = 1 << 20 });
        for (var i = 0; i < 20; i++)
        {
            server.Time.Advance(TimeSpan.FromMilliseconds(10));
            Assert.Equal("WINDOW 1 250\nPing", Take(server, 250));
            Assert.Equal("", Take(server, 240));
            server.Send(Answer());
            Take(server, 10);
        }

        Assert.Equal(0, server.Recorder.Granted);
    }

    [Fact]
    public void WithoutRoomNothingGrows()
    {
        var server = Start(new Http2Options { StreamWindow = 1000, MaxStreamWindow = 8000, ConnectionWindow = 1 << 20 });
        server.Recorder.Room = 999;
        Fill(server);
        Assert.Equal("", Take(server, 1));
        Assert.Equal(0, server.Recorder.Granted);
    }

    [Fact]
    public void NarrowedWindowsGiveBackWhatTheyHaveGrown()
    {
        var server = Start(new Http2Options { StreamWindow = 1000, MaxStreamWindow = 8000, ConnectionWindow = 1 << 20 });
        Fill(server);
        Take(server, 1);
        Assert.Equal(1000, server.Recorder.Granted);
        server.Connection.ChangeStreamWindow(500);
        Assert.Equal(1000, server.Recorder.Granted);
        Assert.Equal("Settings", server.OutputText());
        server.Send(new Wire().SettingsAck());

        // 1500 are still allowed; no credit comes until they have become 500.
        Assert.Equal("", Take(server, 1000));
        Assert.Equal(0, server.Recorder.Granted);
        Assert.Equal("WINDOW 1 125", Take(server, 125));
        server.Send(new Wire().Data(1, 501));
        Assert.Contains("RST 1 FlowControlError", server.OutputText(), StringComparison.Ordinal);
    }

    [Fact]
    public void AStreamThatEndsGivesItsGrowthBack()
    {
        var server = Start(new Http2Options { StreamWindow = 1000, MaxStreamWindow = 8000, ConnectionWindow = 1 << 20 });
        Fill(server);
        Take(server, 1);
        Assert.Equal(1000, server.Recorder.Granted);
        server.Send(new Wire().Reset(1));
        Assert.Equal(0, server.Recorder.Granted);
    }

    [Fact]
    public void AStreamThatWasWidenedByHandStaysAsItIs()
    {
        var server = Start(new Http2Options { StreamWindow = 1000, MaxStreamWindow = 8000, ConnectionWindow = 1 << 20 });
        server.Connection.WidenWindow(server.Recorder.Streams[1], 1000);
        Assert.Equal("WINDOW 1 1000", server.OutputText());
        Assert.Equal("WINDOW 1 2000", Take(server, 2000));
    }

    private static Endpoint Start(Http2Options options)
    {
        var server = new Endpoint(Http2Role.Server, options);
        server.Send(new Wire().Headers(1, false, Wire.Connect));
        return server;
    }

    private static void Fill(Endpoint server)
    {
        Assert.Equal("WINDOW 1 250\nPing", Take(server, 250));
        Take(server, 750);
        server.Send(Answer());
    }

    private static string Take(Endpoint server, int bytes)
    {
        Assert.False(server.Send(new Wire().Data(1, bytes)).IsClosed);
        return server.OutputText();
    }

    private static Wire Answer() => new Wire().Frame(6, 1, 0, RoundPing);
}
