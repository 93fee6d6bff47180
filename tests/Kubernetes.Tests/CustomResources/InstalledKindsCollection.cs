namespace Culvert.Kubernetes.Tests.CustomResources;

/// <summary>Tests of the project's own kinds: they are applied once, and one class after the other uses them.</summary>
[CollectionDefinition(nameof(InstalledKinds))]
public sealed class InstalledKindsCollection : ICollectionFixture<InstalledKinds>;
