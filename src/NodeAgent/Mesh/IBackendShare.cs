namespace Culvert.NodeAgent.Mesh;

/// <summary>Which backends one choice is among.</summary>
internal interface IBackendShare
{
    /// <summary>The share that a backend has of it; zero: it is left out.</summary>
    double Of(Backend backend);
}
