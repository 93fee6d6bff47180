using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Culvert.Cni;
using Culvert.Core;

namespace Culvert.CniPlugin;

/// <summary>
/// The chained CNI plugin: it tells the agent of the node that a pod was connected, waits until the agent says that what the pod sends is captured, and hands on what the plugins before have made. It decides nothing itself.
/// </summary>
internal static class Plugin
{
    private const int Failed = 1;

    // By so much the agent has to be done earlier, so that it is heard why.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(1);

    /// <summary>Serves one call.</summary>
    /// <param name="variable">The value of an environment variable; null where there is none.</param>
    /// <param name="input">The configuration, read to its end.</param>
    /// <param name="output">Gets the result, or the error as the specification has it.</param>
    /// <param name="errors">Gets what went wrong and is no error, for people.</param>
    /// <returns>The exit code: 0, or 1 when there was an error.</returns>
    internal static int Run(Func<string, string?> variable, Stream input, Stream output, Stream errors)
    {
        string version = CniVersions.Newest;
        try
        {
            var environment = CniEnvironment.Read(variable);
            byte[] bytes = ReadInput(input);
            var told = CniInput.Parse(bytes);
            if (told.IsSpoken) version = told.Version;
            var configuration = CniConfiguration.Read(told, environment.Command);
            if (environment.Command == CniCommand.Version)
            {
                WriteVersions(output, version);
                return 0;
            }
            Ask(environment, configuration, errors);
            if (environment.Command == CniCommand.Add) Write(output, writer => configuration.Previous!.WriteTo(writer, version));
            return 0;
        }
        catch (CniException e)
        {
            WriteError(output, version, e.Code, e.Message, e.Details);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            WriteError(output, version, CniErrorCode.IoFailure, e.Message, "");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A runtime that is told nothing can't say what is the matter.
            WriteError(output, version, CniErrorCode.IoFailure, $"culvert-cni has failed: {e.GetType().Name}: {e.Message}", "");
        }
        return Failed;
    }

    private static void Ask(CniEnvironment environment, CniConfiguration configuration, Stream errors)
    {
        CniAnswer answer;
        try
        {
            answer = AgentCall.Send(configuration.Socket, RequestOf(environment, configuration), configuration.Timeout);
        }
        catch (AgentCallException e) when (environment.Command is CniCommand.Add or CniCommand.Check && ExemptNamespaces.Contains(environment.PodNamespace))
        {
            // The agent would not ask for them to wait, and may itself wait for one of them: a controller, or what brings its image.
            errors.Write(Encoding.UTF8.GetBytes($"culvert-cni: {environment.Command.ToString().ToUpperInvariant()} of {environment.PodNamespace}/{environment.PodName} goes on without the agent, as its pods are never in the mesh: it {e.Message}\n"));
            return;
        }
        catch (AgentCallException e)
        {
            answer = new CniAnswer
            {
                Code = environment.Command == CniCommand.Status ? CniErrorCode.NotAvailable : CniErrorCode.TryAgainLater,
                Message = $"culvert: the node's agent {e.Message}",
                Details = $"asked at {configuration.Socket}, see the pods of the agent's DaemonSet on this node; until it is there no pod of this node starts, so that none sends anything unguarded",
            };
        }
        if (answer.Code == CniErrorCode.None) return;
        if (environment.Command != CniCommand.Del) throw new CniException(answer.Code, answer.Message, answer.Details);

        // The runtime would try again for ever, and the pod would never be gone. The agent forgets it when its name, or its address, comes again.
        errors.Write(Encoding.UTF8.GetBytes($"culvert-cni: DEL of {environment.ContainerId} goes on without the agent: {answer.Message}\n"));
    }

    private static CniRequest RequestOf(CniEnvironment environment, CniConfiguration configuration)
    {
        TimeSpan wait = configuration.Timeout - AnswerTime;
        return new CniRequest
        {
            Command = environment.Command,
            ContainerId = environment.ContainerId,
            Interface = environment.Interface,
            NetworkNamespace = environment.NetworkNamespace,
            PodNamespace = environment.PodNamespace,
            PodName = environment.PodName,
            PodUid = environment.PodUid,
            WaitMilliseconds = (int)(wait > configuration.Timeout / 2 ? wait : configuration.Timeout / 2).TotalMilliseconds,
            Addresses = [.. configuration.Previous?.Addresses.Select(a => a.ToString()) ?? []],
            Interfaces = configuration.Previous?.Interfaces ?? [],
            Valid = environment.Command == CniCommand.Gc ? configuration.Valid : null,
        };
    }

    private static byte[] ReadInput(Stream input)
    {
        using MemoryStream bytes = new();
        byte[] part = new byte[16_384];
        for (int read; (read = input.Read(part)) > 0;)
        {
            bytes.Write(part, 0, read);
            if (bytes.Length > CniConfiguration.LongestInput) throw new CniException(CniErrorCode.DecodingFailure, $"standard input: has more than {CniConfiguration.LongestInput} bytes");
        }
        return bytes.ToArray();
    }

    private static void WriteVersions(Stream output, string version) => Write(output, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", version);
        writer.WriteStartArray("supportedVersions");
        foreach (string one in CniVersions.Supported) writer.WriteStringValue(one);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void WriteError(Stream output, string version, CniErrorCode code, string message, string details) => Write(output, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", version);
        writer.WriteNumber("code", (int)code);
        writer.WriteString("msg", message);
        if (details.Length > 0) writer.WriteString("details", details);
        writer.WriteEndObject();
    });

    private static void Write(Stream output, Action<Utf8JsonWriter> write)
    {
        using Utf8JsonWriter writer = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }); // people read it, no browser does
        write(writer);
    }
}
