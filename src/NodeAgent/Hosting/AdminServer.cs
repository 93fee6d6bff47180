using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Options;
using Culvert.Protocol.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Serves the admin API on a Unix socket that only its owner can open.</summary>
internal static class AdminServer
{
    /// <summary>The server; it is not started yet.</summary>
    internal static WebServer Serve(AgentOptions options, AgentAdminService service, ILoggerFactory loggers) => new(
        () => Build(options.AdminSocket, service, loggers),
        start => StartStep.RunAsync(_ => $"--run-dir {options.RunFolder}", $"stop or remove what is at {options.AdminSocket}, or give another folder", start));

    private static WebApplication Build(string socket, AgentAdminService service, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.Services.AddLimitedGrpc();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.UseGrpcDefaults());
        builder.WebHost.UseGrpcUnixSocket(socket);
        WebApplication app = builder.Build();
        app.MapLimitedGrpcService(AdminService.BindService(service));
        return app;
    }
}
