using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>A MeshConfig that is lost, misnamed or wrong never opens the mesh.</summary>
public sealed class MeshConfigTests
{
    private static readonly MeshSettings Closed = new() { TrustDomain = "example.org", DefaultAction = DefaultAction.Deny, DefaultMtlsMode = MtlsMode.Strict, IcmpEcho = DefaultAction.Deny };

    public static TheoryData<string, string> WrongOnes => new()
    {
        { Mesh("{trustDomain: example.org, defaultAction: ALLOW, mtls: {mode: OFF}}"), "mesh.yaml:4: MeshConfig default: spec.mtls.mode: 'OFF' is not one of PERMISSIVE, STRICT" },
        { Mesh("{trustDomain: example.org, defaultAction: ALLOW}", "main"), "mesh.yaml:3: MeshConfig main: metadata.name: 'main' is not in force: there is one MeshConfig only; name it 'default'" },
        { Mesh("{trustDomain: example.org, defaultActoin: ALLOW}"), "mesh.yaml:4: MeshConfig default: spec.defaultActoin: unknown field; known are accessLog, certificate, defaultAction, directPath, excludeCidrs, excludePorts, externalAuthorizers, forwardClientCert, icmpEcho, mtls, networkPolicy, revoked, tracing, trustDomain, tunnelSource, workloadNamespaces" },
    };

    /// <summary>Ways in which the text does not even tell the trust domain.</summary>
    public static TheoryData<string> Illegible =>
    [
        "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: [\n",
        "kind: MeshConfig\nmetadata: {name: default}\nspec: {}\n",
        "apiVersion: culvert.dev/v1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {}\n",
        "apiVersion: culvert.dev/v1alpha1\nkind: meshconfig\nmetadata: {name: default}\nspec: {}\n",
        "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nspec: {}\n",
        "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\n",
    ];

    [Theory]
    [MemberData(nameof(WrongOnes))]
    public void OneThatIsWrongAtTheFirstStartClosesTheMesh(string text, string error)
    {
        ObjectSet first = Read(ObjectSet.Empty, ("mesh.yaml", text));

        Assert.Equal(Closed, Settings(first));
        Assert.Equal(
            [error, "mesh.yaml:1: MeshConfig default: was never good: the mesh is closed (defaultAction DENY, mTLS STRICT, icmpEcho DENY) until one is good: give a MeshConfig named 'default' (with 'spec: {}' for the defaults)"],
            first.Errors.Select(e => e.ToString()).OrderDescending(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Illegible))]
    public void OneThatIsIllegibleAtTheFirstStartClosesTheMesh(string text)
    {
        Assert.Equal(Closed with { TrustDomain = "cluster.local" }, Settings(Read(ObjectSet.Empty, ("mesh.yaml", text))));
    }

    [Theory]
    [MemberData(nameof(Illegible))]
    public void OneThatIsIllegibleClosesAMeshThatHadNoneBefore(string text)
    {
        ObjectSet open = Read(ObjectSet.Empty);
        Assert.Equal(new MeshSettings(), Settings(open));
        Assert.Equal(Closed with { TrustDomain = "cluster.local" }, Settings(Read(open, ("mesh.yaml", text))));
    }

    [Fact]
    public void OneThatWasNeverGoodKeepsTheMeshClosedWhenItGoes()
    {
        ObjectSet wrong = Read(ObjectSet.Empty, ("mesh.yaml", Mesh("{trustDomain: example.org, defaultActoin: DENY}")));
        ObjectSet gone = Read(wrong);
        Assert.Equal(Closed, Settings(gone));
        Assert.StartsWith("mesh.yaml:1: MeshConfig default: is gone or can't be read, and was never good", Assert.Single(gone.Errors).ToString(), StringComparison.Ordinal);
        ObjectSet mended = Read(gone, ("mesh.yaml", Mesh("{}")));
        Assert.Equal(new MeshSettings(), Settings(mended));
        Assert.Empty(mended.Errors);
    }

    [Theory]
    [InlineData("")]
    [InlineData("apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: other}\nspec: {}\n")]
    [InlineData("apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {defaultAction: MAYBE}\n")]
    public void TheLastGoodOneStaysWhenItIsGoneRenamedOrWrong(string now)
    {
        ObjectSet first = Read(ObjectSet.Empty, ("mesh.yaml", "# comment\n" + Mesh("{trustDomain: example.org, defaultAction: DENY, mtls: {mode: STRICT}, excludePorts: [9100]}")));
        ObjectSet second = Read(first, ("mesh.yaml", now));
        ObjectSet third = Read(second, ("mesh.yaml", now));

        Assert.NotEqual(new MeshSettings(), Settings(first));
        Assert.Equal(Settings(first), Settings(second));
        Assert.Equal(Settings(first), Settings(third));
        Assert.NotEmpty(second.Errors);
        if (!now.Contains("default", StringComparison.Ordinal))
            Assert.Contains("mesh.yaml:2: MeshConfig default: is gone; the one that was here stays in force until there is another good one: give a MeshConfig named 'default' (with 'spec: {}' for the defaults)", second.Errors.Select(e => e.ToString()));
    }

    [Fact]
    public void AnEmptySpecAsksForTheDefaults()
    {
        ObjectSet strict = Read(ObjectSet.Empty, ("mesh.yaml", Mesh("{defaultAction: DENY, mtls: {mode: STRICT}}")));
        ObjectSet defaults = Read(strict, ("mesh.yaml", Mesh("{}")));
        Assert.Equal(new MeshSettings(), Settings(defaults));
        Assert.Empty(defaults.Errors);
    }

    [Fact]
    public void WithoutAnyTheDefaultsHoldAndOtherObjectsMayBeWrong()
    {
        ObjectSet set = Read(ObjectSet.Empty, ("web.yaml", ObjectSetReaderTests.Workload("web", "nonsense")), ("foreign.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"));
        Assert.Equal(new MeshSettings(), Settings(set));
        Assert.Equal(MeshConfigState.NeverGiven, set.Mesh.State);
        Assert.Equal(2, set.Errors.Length);
    }

    [Theory]
    [InlineData("apiVersion: culvert.dev/v1alpha1\nkind: MeshConfg\nmetadata: {name: default}\nspec: {}\n")]
    [InlineData("kind: [")]
    [InlineData(null)]
    public void WhatMayBeOneAtTheFirstStartClosesTheMeshUntilItCanBeRead(string? text)
    {
        ObjectSet first = ObjectSetReader.Read([new("a.yaml", text, text is null ? "is not UTF-8 text" : null)], ObjectSet.Empty);
        Assert.Equal(Closed with { TrustDomain = "cluster.local" }, Settings(first));
        Assert.Contains(first.Errors, e => e.ToString().StartsWith("a.yaml", StringComparison.Ordinal) && e.Reason.Contains("the mesh is closed", StringComparison.Ordinal));

        Assert.Equal(new MeshSettings(), Settings(Read(first, ("a.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1")))));

        // A mesh that is known to have had none is not closed by any typing mistake.
        Assert.Equal(new MeshSettings(), Settings(ObjectSetReader.Read([new("a.yaml", text, text is null ? "is not UTF-8 text" : null)], Read(ObjectSet.Empty))));
    }

    [Fact]
    public async Task OverARestartTheLastGoodOneStaysAlthoughItIsGone()
    {
        using TempFolder folder = new();
        folder.Write("objects/mesh.yaml", Mesh("{trustDomain: example.org, defaultAction: DENY}"));
        Assert.Equal(DefaultAction.Deny, (await StartAsync(folder)).DefaultAction);
        File.Delete(folder.File("objects/mesh.yaml"));
        for (int restart = 0; restart < 2; restart++) Assert.Equal(DefaultAction.Deny, (await StartAsync(folder)).DefaultAction);
    }

    [Fact]
    public async Task OverARestartAMeshStaysClosedAlthoughTheWrongOneIsGone()
    {
        using TempFolder folder = new();
        folder.Write("objects/mesh.yaml", Mesh("{trustDomain: example.org, defaultActoin: DENY}"));
        Assert.Equal(Closed, await StartAsync(folder));
        File.Delete(folder.File("objects/mesh.yaml"));
        for (int restart = 0; restart < 2; restart++) Assert.Equal(Closed, await StartAsync(folder));
        folder.Write("objects/mesh.yaml", Mesh("{}"));
        Assert.Equal(new MeshSettings(), await StartAsync(folder));
    }

    [Fact]
    public async Task OverARestartAMeshWithoutOneStaysOpen()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("objects"));
        Assert.Equal(new MeshSettings(), await StartAsync(folder));
        folder.Write("objects/a.yaml", "kind: [");
        Assert.Equal(new MeshSettings(), await StartAsync(folder));
    }

    [Fact]
    public async Task WhenNobodyKnowsWhetherOneWasGivenARestartDoesNotForgetIt()
    {
        using TempFolder folder = new();
        folder.Write("objects/a.yaml", "kind: [");
        for (int restart = 0; restart < 2; restart++) Assert.Equal(DefaultAction.Deny, (await StartAsync(folder)).DefaultAction);
    }

    [Fact]
    public async Task WhenWhatWasKeptIsDamagedTheMeshIsClosedUntilOneIsGood()
    {
        using TempFolder folder = new();
        folder.Write("objects/mesh.yaml", Mesh("{defaultAction: DENY}"));
        await StartAsync(folder);
        string kept = folder.File("state/" + ControllerHost.LastGoodFileName);
        await File.WriteAllTextAsync(kept, (await File.ReadAllTextAsync(kept, TestContext.Current.CancellationToken)).Replace("DENY", "ALLOW", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        File.Delete(folder.File("objects/mesh.yaml"));
        for (int restart = 0; restart < 2; restart++) Assert.Equal(Closed with { TrustDomain = "cluster.local" }, await StartAsync(folder));
        folder.Write("objects/mesh.yaml", Mesh("{}"));
        Assert.Equal(new MeshSettings(), await StartAsync(folder));
    }

    /// <summary>What a controller that starts and ends gives its nodes.</summary>
    private static async Task<MeshSettings> StartAsync(TempFolder folder)
    {
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken);
        return host.SnapshotFor("node-1").Mesh;
    }

    private static string Mesh(string spec, string name = MeshConfigObject.OnlyName) => $"apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {{name: {name}}}\nspec: {spec}\n";

    private static MeshSettings Settings(ObjectSet objects) => MeshCompiler.Compile(objects, []).SnapshotFor("node-1").Mesh;

    private static ObjectSet Read(ObjectSet previous, params (string Name, string Text)[] files) =>
        ObjectSetReader.Read(files.Select(f => new SourceFile(f.Name, f.Text)), previous);
}
