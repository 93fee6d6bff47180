using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;

namespace Culvert.Kubernetes.Authentication;

/// <summary>One run of a credential plugin, bounded in time and output. It is killed with its children when it takes too long or says too much; children that a plugin leaves behind when it ends are not.</summary>
internal sealed class ExecProcess(ExecSettings settings, ExecLimits limits, TimeProvider time)
{
    private const string Told = "KUBERNETES_EXEC_INFO";

    /// <summary>Runs it.</summary>
    /// <param name="told">What it finds in its environment.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <returns>What it said.</returns>
    /// <exception cref="ApiException">It failed.</exception>
    public async Task<string> RunAsync(string told, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(limits.Time, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using Process process = Start(told);
        try
        {
            // Nobody types.
            process.StandardInput.Close();
            Task<byte[]> complaints = ReadAsync(process.StandardError.BaseStream, limits.Complaints, either.Token);
            byte[] output = await ReadAsync(process.StandardOutput.BaseStream, limits.Output + 1, either.Token);
            if (output.Length > limits.Output) throw Failed($"it said more than {limits.Output} bytes");
            await process.WaitForExitAsync(either.Token);
            string said = OneLine.Of(Encoding.UTF8.GetString(await complaints).Trim());
            if (process.ExitCode != 0) throw Failed($"it ended with status {process.ExitCode}{(said.Length > 0 ? $" and wrote: {said}" : "")}");
            return Encoding.UTF8.GetString(output);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed($"it was not done after {limits.Time.TotalSeconds:0} s");
        }
        finally
        {
            Kill(process);
        }
    }

    private Process Start(string told)
    {
        var start = new ProcessStartInfo(settings.Command, settings.Arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in settings.Environment) start.Environment[name] = value;
        start.Environment[Told] = told;
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            string hint = string.IsNullOrEmpty(settings.InstallHint) ? "" : $"; {settings.InstallHint.Trim()}";
            throw new ApiException(ApiFailure.NoCredentials, $"the credential plugin '{settings.Command}' can't be started: {e.Message}{hint}", e);
        }
    }

    /// <summary>Reads to the end and keeps the first bytes; stops where it is over the limit of what is said, for the caller to complain.</summary>
    private async Task<byte[]> ReadAsync(Stream stream, int most, CancellationToken cancellationToken)
    {
        var kept = new MemoryStream();
        byte[] buffer = new byte[4096];
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            kept.Write(buffer, 0, Math.Min(count, most - (int)kept.Length));
            if (kept.Length > limits.Output) break;
        }
        return kept.ToArray();
    }

    private static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended in between.
        }
    }

    private ApiException Failed(string reason) => new(ApiFailure.NoCredentials, $"the credential plugin '{settings.Command}': {reason}");
}
