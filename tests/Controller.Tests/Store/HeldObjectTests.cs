using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>What is lost with a file that is renamed and broken in one go, or emptied, stays in force and is told; what is deleted goes at once.</summary>
[Trait("Category", "Attack")]
public sealed class HeldObjectTests
{
    private const string Open = "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {defaultAction: ALLOW}\n";
    private static readonly ObjectKey Deny = new(ObjectKind.AuthorizationPolicy, "shop", "deny");
    private static readonly ObjectKey Web = new(ObjectKind.Workload, "shop", "web");
    private static readonly SourceFile Mesh = new("mesh.yaml", Open);

    /// <summary>Ways in which the new file does not tell that it holds the policy.</summary>
    public static TheoryData<string, string?> Broken => new()
    {
        { "b.yaml", "kind: [" },
        { "b.yaml", null },
        { "b.yaml", Objects.Policy("deny", "web").Replace("metadata: {name: deny, namespace: shop}", "metadata: {namespace: shop}", StringComparison.Ordinal) },
        { "b.yaml", Objects.Policy("deny", "web").Replace("kind: AuthorizationPolicy", "kind: AuthorizationPolcy", StringComparison.Ordinal) },
        { "b.yaml", Open.Replace("spec", "spec: [", StringComparison.Ordinal) + " " + Objects.Policy("deny", "web") },
        { "b.json", "{\"kind\": " },
        { "sub/", null },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void AFileThatIsRenamedAndBrokenInOneLookLosesNoPolicy(string name, string? text)
    {
        Folder folder = new();
        folder.Take(Mesh, new("a.yaml", Objects.Policy("deny", "web")), new("web.yaml", Objects.Workload("web", "10.0.0.1")));
        folder.Take(Mesh, new(name, text, text is null ? "can't be read" : null), new("web.yaml", Objects.Workload("web", "10.0.0.1")));

        SourceError error = Assert.Single(folder.Current.Errors, e => e.Object == Deny.ToString() && e.Place == "a.yaml");
        Assert.Equal("a.yaml:1: AuthorizationPolicy shop/deny: is gone, and may be what can't be read elsewhere; it goes when all can be read", error.ToString());
        Assert.Equal(InForceInstead.LastGood, folder.Current.Instead(error));
        Assert.Contains(ProblemList.From(folder.Current, null, []).Listed, p => p.File == "a.yaml" && p.Instead == InForceInstead.LastGood);
        Assert.True(folder.Current.Objects.ContainsKey(Deny));

        // Also when the controller starts anew meanwhile, and until all can be read.
        Assert.True(ObjectSetReader.Read([Mesh, new(name, text, text is null ? "can't be read" : null)], folder.Current).Objects.ContainsKey(Deny));
        folder.Take(Mesh, new("b.yaml", Objects.Policy("deny", "web")));
        Assert.Empty(folder.Current.Errors);
        Assert.Equal("b.yaml:1", folder.Current.Objects[Deny].Meta.SourceReference);
        folder.Take(Mesh);
        Assert.False(folder.Current.Objects.ContainsKey(Deny));
    }

    [Fact]
    public void WhatIsHeldGoesWhenAllCanBeRead()
    {
        Folder folder = new();
        folder.Take(Mesh, new("a.yaml", Objects.Policy("deny", "web") + Objects.Workload("web", "10.0.0.1")));
        folder.Take(Mesh, new("b.yaml", "kind: ["), new("c.yaml", "]"));
        folder.Take(Mesh, new("b.yaml", "kind: ["));
        Assert.Equal(3, folder.Current.Objects.Count);
        folder.Take(Mesh);
        Assert.Equal([MeshConfigKeeper.Key], folder.Current.Objects.Keys);
        Assert.Empty(folder.Current.Errors);
    }

    [Fact]
    public void WhatIsTakenOutOfAFileThatReadsGoesAtOnce()
    {
        Folder folder = new();
        folder.Take(Mesh, new("a.yaml", Objects.Policy("deny", "web") + Objects.Policy("other", "web")), new("broken.yaml", "kind: ["));
        folder.Take(Mesh, new("a.yaml", Objects.Policy("other", "web")), new("broken.yaml", "kind: ["));
        Assert.False(folder.Current.Objects.ContainsKey(Deny));
    }

    /// <summary>What says what it is, and is something else, can't be what is gone.</summary>
    [Theory]
    [InlineData("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n")]
    [InlineData("apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {}\n")]
    public void AFileOfAnotherKindHoldsNothing(string text)
    {
        Folder folder = new();
        folder.Take(Mesh, new("a.yaml", Objects.Policy("deny", "web")));
        folder.Take(Mesh, new("b.yaml", text));
        Assert.False(folder.Current.Objects.ContainsKey(Deny));
    }

    /// <summary>What an API server says is gone is gone; nothing is renamed there.</summary>
    [Fact]
    public void AnObjectThatWasDeletedAtAnApiServerGoesAtOnce()
    {
        ApiStatuses statuses = new();
        ObjectStore store = new("api", statuses, NullLogger.Instance, ObjectSet.Empty);
        ApiObjects api = new(statuses, "Workload", "AuthorizationPolicy");
        api.Start(store);
        _ = api.Put("AuthorizationPolicy", "deny", "{\"action\": \"DENY\", \"rules\": [{}]}");
        _ = api.Put("Workload", "odd", "{}", "culvert.dev/v9");
        api.List("Workload");
        api.List("AuthorizationPolicy");
        Assert.True(store.Current.Objects.ContainsKey(Deny));
        api.Watch(api.Delete("AuthorizationPolicy", "deny"));
        Assert.Empty(store.Current.Objects);
    }

    [Fact]
    public void AnObjectThatIsHeldKeepsNoAddressFromOneThatIsDeclared()
    {
        Folder folder = new();
        folder.Take(Mesh, new("web-1.yaml", Objects.Workload("web-1", "10.0.0.1")), new("broken.yaml", "kind: ["));
        folder.Take(Mesh, new("web-2.yaml", Objects.Workload("web-2", "10.0.0.1")), new("broken.yaml", "kind: ["));
        Assert.Equal([Web with { Name = "web-2" }], folder.Current.Objects.Keys.Where(k => k.Kind == ObjectKind.Workload));
        Assert.Equal("broken.yaml", Assert.Single(folder.Current.Errors).Place);

        // It does not come back when the address is free again.
        folder.Take(Mesh, new("web-2.yaml", Objects.Workload("web-2", "10.0.0.2")), new("broken.yaml", "kind: ["));
        Assert.Equal([Web with { Name = "web-2" }], folder.Current.Objects.Keys.Where(k => k.Kind == ObjectKind.Workload));
    }

    /// <summary>So looks a file that is being written.</summary>
    [Theory]
    [InlineData("a.yaml", "")]
    [InlineData("a.yaml", "# Nobody may call the shop.\n")]
    [InlineData("a.yaml", "---\n---\n")]
    [InlineData("a.yaml", "\0")]
    [InlineData("a.json", " \n")]
    [InlineData("a.json", "null")]
    public void AFileThatIsEmptiedLosesNoPolicy(string name, string text)
    {
        Folder folder = new();
        string policy = name.EndsWith(".json", StringComparison.Ordinal)
            ? """{"apiVersion": "culvert.dev/v1alpha1", "kind": "AuthorizationPolicy", "metadata": {"name": "deny", "namespace": "shop"}, "spec": {"action": "DENY", "rules": [{}]}}"""
            : Objects.Policy("deny", "web") + Objects.Workload("web", "10.0.0.1");
        folder.Take(Mesh, new(name, policy), new("empty.yaml", "# nothing yet\n"));
        Assert.Empty(folder.Current.Errors);
        ObjectSet before = folder.Current;
        folder.Take(Mesh, new(name, text), new("empty.yaml", "# nothing yet\n"));

        Assert.Equal(before.Objects, folder.Current.Objects);
        SourceError error = Assert.Single(folder.Current.Errors);
        Assert.Equal(name, error.Place);
        Assert.Equal(InForceInstead.LastGood, folder.Current.Instead(error));
        Assert.True(ObjectSetReader.Read([Mesh, new(name, text)], folder.Current).Objects.ContainsKey(Deny));

        // Another object in it says that the rest is meant to be gone, and so does a file that is gone.
        ObjectSet emptied = folder.Current;
        Assert.False(ObjectSetReader.Read([Mesh, new(name, policy.Replace("deny", "other", StringComparison.Ordinal))], emptied).Objects.ContainsKey(Deny));
        folder.Take(Mesh, new("empty.yaml", "# nothing yet\n"));
        Assert.Equal([MeshConfigKeeper.Key], folder.Current.Objects.Keys);
        Assert.Empty(folder.Current.Errors);
    }

    [Fact(Timeout = 60_000)]
    public async Task AControllerWhosePolicyFileIsTruncatedSaysSoAndGoesOnEnforcingIt()
    {
        await using Running controller = await Running.StartAsync(f =>
        {
            f.Write("objects/mesh.yaml", Open);
            f.Write("objects/a.yaml", Objects.Policy("deny", "web"));
            f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        });
        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously), gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
        controller.Host.VersionChanged += () =>
        {
            if (controller.Host.SnapshotFor("node-1").Problems.Listed.Any(p => p.File == "a.yaml" && p.Instead == InForceInstead.LastGood)) told.TrySetResult();
            if (told.Task.IsCompleted && controller.Host.SnapshotFor("node-1").Policies.Count == 0) gone.TrySetResult();
        };
        controller.Write("a.yaml", "");
        await told.Task;
        Assert.Single(controller.Host.SnapshotFor("node-1").Policies);

        File.Delete(controller.Folder.File("objects/a.yaml"));
        await gone.Task;
        Assert.Empty(controller.Host.Errors);
    }

    /// <summary>A folder that is looked at as the controller does, step by step.</summary>
    private sealed class Folder
    {
        private readonly ObjectStore _store = new("folder", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty);
        private readonly FolderDeclarations _declarations = new();

        public ObjectSet Current => _store.Current;

        public void Take(params SourceFile[] files) => _store.Apply(new([.. _declarations.Update(files)]) { IsSynced = true });
    }
}
