namespace Culvert.Datapath.Tests.Support;

/// <summary>Loaded programs with their maps.</summary>
public interface IWorld
{
    /// <summary>The maps.</summary>
    WorldMaps Maps { get; }
}
