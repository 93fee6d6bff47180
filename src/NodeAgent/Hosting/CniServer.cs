using System.Text.Json;
using Culvert.Cni;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.NodeAgent.Cni;
using Culvert.NodeAgent.Options;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Serves calls of the CNI plugin, <c>POST /cni</c>, on a Unix socket that only its owner can open.</summary>
internal static class CniServer
{
    // As many pods as a node starts at once, and more: who finds no place is told to try again.
    private const int MostConnections = 512;

    /// <summary>The server; it is not started yet.</summary>
    internal static WebServer Serve(AgentOptions options, CniCommands commands, ILoggerFactory loggers) => new(
        () => Build(options.CniSocket, commands, loggers),
        start => StartStep.RunAsync(_ => $"--run-dir {options.RunFolder}", $"stop or remove what is at {options.CniSocket}, or give another folder", start));

    private static WebApplication Build(string socket, CniCommands commands, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.WebHost.CloseUnboundSockets().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = MostConnections;
            kestrel.Limits.MaxRequestBodySize = CniRequest.LongestForm;
            kestrel.Limits.MaxRequestHeadersTotalSize = 8192;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
            kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http1);
        });
        WebApplication app = builder.Build();
        app.Run(context => ServeAsync(context, commands));
        return app;
    }

    private static async Task ServeAsync(HttpContext context, CniCommands commands)
    {
        if (!HttpMethods.IsPost(context.Request.Method) || context.Request.Path != "/cni")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted); // more than a request may have is answered by the server
        CniAnswer answer;
        try
        {
            var request = CniRequest.Parse(body.GetBuffer().AsSpan(0, (int)body.Length));
            answer = await commands.ServeAsync(request, context.RequestAborted);
        }
        catch (CniException e)
        {
            answer = new CniAnswer { Code = e.Code, Message = $"culvert: {e.Message}", Details = e.Details };
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return; // who has asked is gone
        }
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(answer, CniJson.Default.CniAnswer);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
    }
}
