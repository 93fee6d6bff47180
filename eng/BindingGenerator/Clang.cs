using System.ComponentModel;
using System.Diagnostics;
using Culvert.Generators;

namespace Culvert.BindingGenerator;

/// <summary>Runs the C compiler.</summary>
internal static class Clang
{
    /// <summary>Where the host's own &lt;asm/*.h&gt; are on Debian and its kin.</summary>
    internal static IEnumerable<string> HostIncludes()
    {
        string multiarch = Run("clang", ["-print-multiarch"]).Trim();
        // clang 14 prints nothing here unless it was built with a multiarch triple.
        if (multiarch.Length == 0) multiarch = Run("clang", ["-dumpmachine"]).Trim().Replace("-pc-", "-", StringComparison.Ordinal);
        string folder = Path.Combine("/usr/include", multiarch);
        return Directory.Exists(folder) ? ["-idirafter", folder] : [];
    }

    /// <summary>Runs clang and returns what it wrote to standard output.</summary>
    internal static string Run(IEnumerable<string> arguments) => Run("clang", arguments);

    private static string Run(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        try
        {
            using Process process = Process.Start(start) ?? throw new GeneratorException($"{program} did not start");
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new GeneratorException($"{program} ended with {process.ExitCode}:\n{error.GetAwaiter().GetResult()}");
        }
        catch (Win32Exception e)
        {
            throw new GeneratorException($"{program} could not be run: {e.Message} (Debian: clang libbpf-dev)");
        }
    }
}
