using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Culvert.Controller;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.Cli.Up;

/// <summary>Runs a controller and an agent in this process, joined by a Unix socket, until a signal or a detach.</summary>
internal sealed class UpRunner(UpOptions options, UpEvents events, ILoggerFactory loggers, TimeProvider time)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Returns once both have stopped in order: first the agent, whose connections may finish, then the controller.</summary>
    /// <exception cref="CliException">One of them could not start.</exception>
    public async Task RunAsync()
    {
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        // Another signal of the same kind ends the process at once, as users expect of a second Ctrl-C.
        void OnSignal(PosixSignalContext context) => context.Cancel = signalled.TrySetResult();

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

        // There is nothing to read again, as the folder is watched, and a service goes on. Without its terminal an interactive run would have nobody to talk to: it ends in order.
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            if (Console.IsInputRedirected) events.Say("note", "SIGHUP changes nothing here: the folder is watched");
            else signalled.TrySetResult();
        });
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        await using var controller = await StartControllerAsync();
        controller.ObjectsChanged += TellOfObjects;
        controller.NodeChanged += events.Node;
        TellOfObjects();
        await using var agent = await StartAgentAsync();
        events.Say("up", $"node {options.Agent.NodeName} is up: objects from {options.ObjectFolder}, admin socket {options.Agent.AdminSocket}, metrics on {string.Join(", ", agent.Metrics)}");
        NoteMissingWorkloads(controller);
        await Task.WhenAny(signalled.Task, agent.Detached, agent.Failed);
        events.Say("stopping", agent.Detached.IsCompleted
            ? "detached; stopping"
            : FormattableString.Invariant($"stopping; connections through the proxy have {options.Agent.DrainDeadline.TotalSeconds:0.#} s, those in the kernel go on"));

        if (agent.Failed.IsCompleted)
        {
            throw new CliException(ExitCode.Internal, $"the agent ended: {await agent.Failed}", "the log says more");
        }

        void TellOfObjects()
        {
            events.Objects(controller.Errors, controller.Instead);
            events.Warnings(controller.Warnings);
        }
    }

    private async Task<ControllerHost> StartControllerAsync()
    {
        try
        {
            Capabilities.Require();
            _ = OpenFiles.Require();
            Directory.CreateDirectory(options.Agent.RunFolder, OwnerOnly);
            return await ControllerHost.StartAsync(
                new ControllerOptions
                {
                    ObjectFolder = options.ObjectFolder,
                    StateFolder = options.ControllerState,
                    UnixSocket = options.ControllerSocket,
                    Time = time,
                    LoggerFactory = loggers,
                },
                CancellationToken.None);
        }
        catch (AgentStartException e)
        {
            throw new CliException(ExitCode.Unsupported, e.Message, null, e);
        }
        catch (InvalidDataException e)
        {
            throw new CliException(ExitCode.BadInput, $"--state-dir {options.Agent.StateFolder}: {e.Message}", null, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException or ArgumentException or CryptographicException)
        {
            throw new CliException(
                ExitCode.Unsupported,
                $"the controller cannot start: {e.Message}",
                $"it needs {options.ControllerState} and {options.ControllerSocket} for itself; stop what uses them, or give --state-dir and --run-dir",
                e);
        }
    }

    private async Task<AgentHost> StartAgentAsync()
    {
        try
        {
            return await AgentHost.StartAsync(options.Agent, loggers, time, CancellationToken.None);
        }
        catch (AgentStartException e)
        {
            throw new CliException(ExitCode.Unsupported, e.Message, null, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new CliException(ExitCode.Unsupported, $"the agent cannot start: {e.Message}", "`culvert check` says what this machine lacks and how to mend it", e);
        }
    }

    private void NoteMissingWorkloads(ControllerHost controller)
    {
        if (!controller.SnapshotFor(options.Agent.NodeName).LocalWorkloads().Any())
        {
            events.Say("note", $"no workload in {options.ObjectFolder} is on node {options.Agent.NodeName}; its spec.node must be that name, or give another with --node");
        }
    }
}
