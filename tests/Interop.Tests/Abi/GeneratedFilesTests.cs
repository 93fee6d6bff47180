using System.Diagnostics;
using Culvert.Interop.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Interop.Tests.Abi;

/// <summary>The committed generated sources against what the generator writes now.</summary>
public sealed class GeneratedFilesTests
{
    [Fact]
    public void TheKernelAbiIsUpToDate()
    {
        Requires.Tool("clang");
        Check("abi");
    }

    [Fact]
    public void TheLibbpfBindingsAreUpToDate()
    {
        Requires.Tool("clang");
        // Other versions declare more or less; the committed files are those of the version named in them.
        string committed = File.ReadAllText(Repository.PathOf("src/Interop/Generated/Libbpf.Functions.g.cs"));
        string version = InstalledVersion();
        if (!committed.Contains($"of libbpf {version}.", StringComparison.Ordinal)) Requires.Missing($"the bindings were not made for libbpf {version}");
        Check("libbpf");
    }

    private static string InstalledVersion()
    {
        IReadOnlyDictionary<string, long> numbers = CProbe.Evaluate(["<bpf/libbpf_version.h>"], ["LIBBPF_MAJOR_VERSION", "LIBBPF_MINOR_VERSION"]);
        return $"{numbers["LIBBPF_MAJOR_VERSION"]}.{numbers["LIBBPF_MINOR_VERSION"]}";
    }

    private static void Check(string verb)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "Culvert.BindingGenerator.dll"), verb, "--check"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Repository.Root,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{error}{output.Result}");
    }
}
