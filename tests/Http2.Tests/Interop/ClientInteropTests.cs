using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Http2.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.Http2.Tests.Interop;

/// <summary>The client role against Kestrel.</summary>
public sealed class ClientInteropTests
{
    [Fact]
    public async Task ManyRequestsOnOneConnection()
    {
        const int Requests = 200;
        const int Size = 200_000;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using var app = builder.Build();
        app.Run(async context =>
        {
            context.Response.Headers["x-seen"] = context.Request.Headers["x-number"].ToString();
            if (context.Response.SupportsTrailers()) context.Response.DeclareTrailer("x-end");
            await context.Request.Body.CopyToAsync(context.Response.Body);
            context.Response.AppendTrailer("x-end", "yes");
        });
        await app.StartAsync();
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000, SendTimeout = 30_000 };
        await socket.ConnectAsync(IPAddress.Loopback, address.Port);
        var body = new byte[Size];
        new Random(2).NextBytes(body);
        var recorder = new Recorder();
        var connection = recorder.Connection = new Http2Connection(Http2Role.Client, Http2Options.Default, recorder, TimeProvider.System);
        var sent = new Dictionary<int, int>();
        var received = 0L;
        var trailers = 0;
        var started = 0;
        var closed = 0;
        recorder.Window = Fill;
        recorder.Data = (_, n, _) => received += n;
        recorder.Headers = (_, headers, kind, _) =>
        {
            if (kind == Http2HeadersKind.Trailers && headers.GetString("x-end"u8) == "yes") trailers++;
        };
        recorder.Closed = _ =>
        {
            closed++;
            Begin();
        };
        await Task.Run(() =>
        {
            SocketDriver.Run(socket, connection, () =>
            {
                if (started == 0 && connection.PeerSettingsReceived)
                {
                    for (var i = 0; i < 50; i++) Begin();
                    while (connection.PendingOutput > 0) connection.AdvanceOutput(socket.Send(connection.PeekOutput().Span));
                }

                return closed == Requests;
            });
        });
        Assert.Equal(Http2CloseReason.Transport, connection.Result.Reason);
        Assert.Equal((Requests, Requests, (long)Requests * Size), (closed, trailers, received));

        void Begin()
        {
            if (started == Requests) return;
            started++;
            var headers = Support.Endpoint.List((":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", "/"), ("content-length", $"{Size}"), ("x-number", $"{started}"), ("user-agent", "culvert"));
            var stream = connection.OpenStream(headers, false, null);
            Assert.NotNull(stream);
            sent[stream.Id] = 0;
            Fill(stream);
        }

        void Fill(Http2Stream stream)
        {
            connection.SendData(stream, body.AsSpan(sent[stream.Id]), true, out var n);
            sent[stream.Id] += n;
        }
    }
}
