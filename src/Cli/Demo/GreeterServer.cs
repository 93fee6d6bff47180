using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Protocol.Demo.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Culvert.Cli.Demo;

/// <summary>A server of gRPC in a pod, by a socket that is there while the server is in this process.</summary>
internal sealed class GreeterServer : IAsyncDisposable
{
    /// <summary>Its TCP port.</summary>
    public const int Port = 9090;

    private readonly Socket _socket;
    private readonly WebApplication _application;

    private GreeterServer(Socket socket, WebApplication application) => (_socket, _application) = (socket, application);

    /// <summary>Starts it.</summary>
    public static async Task<GreeterServer> StartAsync(LabPod pod, CancellationToken cancellationToken)
    {
        var socket = pod.CreateSocket(AddressFamily.InterNetwork);
        WebApplication? application = null;
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, Port));
            socket.Listen();
            var builder = WebApplication.CreateEmptyBuilder(new()); // takes nothing from the environment and the working directory
            builder.Services.AddRoutingCore();
            builder.Services.AddGrpc();
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenHandle((ulong)socket.SafeHandle.DangerousGetHandle(), listen => listen.Protocols = HttpProtocols.Http2));
            application = builder.Build();
            application.MapGrpcService(Greeter.BindService(new Service(pod.Name)));
            await application.StartAsync(cancellationToken);
            return new GreeterServer(socket, application);
        }
        catch
        {
            if (application is not null) await application.DisposeAsync();
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _socket.Dispose();
    }

    private sealed class Service(string name) : Greeter.GreeterBase
    {
        public override Task<GreetResponse> Greet(GreetRequest request, ServerCallContext context) => Task.FromResult(new GreetResponse { Server = name });

        public override Task<GreetResponse> Administer(GreetRequest request, ServerCallContext context) => Greet(request, context);
    }
}
