using System.Net;
using Culvert.Bench.Datagrams;
using Culvert.Labs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.Bench.Http;

/// <summary>The application for gRPC in a server pod, the same on both sides: Kestrel, which answers each unary call with its message. The bench starts itself so; nobody else needs to.</summary>
internal static class GrpcApplication
{
    public const int Port = 8083;

    private const string Serve = "grpc-server";

    public static async Task StartAsync(LabPod pod, CancellationToken cancellationToken)
    {
        LabProcess server = pod.Start($"{pod.Name}-grpc", DatagramApplication.Self, Serve, $"{pod.Address4}:{Port}");
        await LabWait.ForListenerAsync(server, Port, TimeSpan.FromSeconds(30), cancellationToken);
    }

    /// <summary>Runs when the arguments ask for it, until it is killed.</summary>
    /// <returns>Its exit status; null when they ask for something else.</returns>
    public static int? Run(IReadOnlyList<string> args)
    {
        if (args.Count != 2 || args[0] != Serve) return null;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPEndPoint.Parse(args[1]), listen => listen.Protocols = HttpProtocols.Http2));
        using WebApplication server = builder.Build();
        server.Run(AnswerAsync);
        server.Run();
        return 0;
    }

    // Request and response are one message each, in the same frame, so what was read is what is written.
    private static async Task AnswerAsync(HttpContext context)
    {
        using MemoryStream message = new();
        await context.Request.Body.CopyToAsync(message, context.RequestAborted);
        context.Response.ContentType = GrpcCall.ContentType;
        await context.Response.Body.WriteAsync(message.GetBuffer().AsMemory(0, (int)message.Length), context.RequestAborted);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
