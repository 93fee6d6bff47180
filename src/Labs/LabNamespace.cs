using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;

namespace Culvert.Labs;

/// <summary>One network namespace of a <see cref="Lab"/>, with programs running in it. Thread-safe.</summary>
public class LabNamespace
{
    internal LabNamespace(Lab lab, string name, IPAddress address4, IPAddress address6)
    {
        Lab = lab;
        Name = name;
        Namespace = lab.Prefix + name;
        Address4 = address4;
        Address6 = address6;
    }

    /// <summary>The lab it belongs to.</summary>
    public Lab Lab { get; }

    /// <summary>Name within the lab.</summary>
    public string Name { get; }

    /// <summary>Name of the namespace on the machine, as <c>ip netns list</c> shows it.</summary>
    public string Namespace { get; }

    /// <summary>Path that names the namespace to setns(2).</summary>
    public string NamespacePath => "/run/netns/" + Namespace;

    /// <summary>Its IPv4 address.</summary>
    public IPAddress Address4 { get; }

    /// <summary>Its IPv6 address.</summary>
    public IPAddress Address6 { get; }

    /// <summary>Its address of a family.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    public IPAddress AddressOf(AddressFamily family) => family == AddressFamily.InterNetwork ? Address4 : Address6;

    /// <summary>Starts a program that runs until <see cref="LabProcess.StopAsync"/> or the end of the lab.</summary>
    /// <param name="name">Name of its log file within the lab's folder.</param>
    /// <param name="program">Name looked up in PATH, or a path.</param>
    /// <param name="arguments">Arguments, passed as they are.</param>
    public LabProcess Start(string name, string program, params IReadOnlyList<string> arguments) =>
        Lab.Start(this, name, program, arguments);

    /// <summary>Runs a program in the namespace to its end.</summary>
    /// <exception cref="ToolFailedException">See <see cref="Tool.RunAsync"/>.</exception>
    public Task<ToolResult> RunAsync(
        string program,
        IReadOnlyList<string> arguments,
        string? input = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        Tool.RunAsync("nsenter", ["--net=" + NamespacePath, program, .. arguments], input, timeout, cancellationToken);

    /// <summary>Runs a shell script in the namespace; any failing line is an error.</summary>
    /// <exception cref="ToolFailedException">A line failed.</exception>
    public Task<string> ScriptAsync(string script, CancellationToken cancellationToken = default) =>
        Tool.RequireAsync("nsenter", ["--net=" + NamespacePath, "sh", "-eu"], script, null, cancellationToken);

    /// <summary>Makes a TCP socket that lives in the namespace; this process may use it from anywhere.</summary>
    /// <param name="family">IPv4 or IPv6; an IPv6 socket takes IPv6 only.</param>
    public Socket CreateSocket(AddressFamily family)
    {
        using var place = NetworkNamespace.OpenPath(NamespacePath);
        var socket = place.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        if (family == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = false;
        }

        return socket;
    }

    /// <summary>Makes an HTTP client whose connections start in the namespace. Hosts must be addresses.</summary>
    /// <param name="timeout">Deadline of each request.</param>
    public HttpClient CreateHttpClient(TimeSpan timeout) => new(CreateHttpHandler()) { Timeout = timeout };

    /// <summary>Makes what connects for HTTP clients whose connections start in the namespace. Hosts must be addresses.</summary>
    /// <param name="connecting">Told of each connection that is begun; null: nobody is.</param>
    public SocketsHttpHandler CreateHttpHandler(Action? connecting = null) => new()
    {
        ConnectCallback = async (context, cancellationToken) =>
        {
            connecting?.Invoke();
            var address = IPAddress.Parse(context.DnsEndPoint.Host);
            var socket = CreateSocket(address.AddressFamily);
            try
            {
                socket.NoDelay = true;
                await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    /// <inheritdoc/>
    public override string ToString() => Name;
}
