using System.Net;

namespace Culvert.Cli.Labs;

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

    /// <inheritdoc/>
    public override string ToString() => Name;
}
