namespace Culvert.SystemTests.Fixtures;

/// <summary>Both paths, both families.</summary>
public sealed class AllPaths : TheoryData<TestPath, TestFamily>
{
    public AllPaths()
    {
        foreach (var path in Enum.GetValues<TestPath>())
        {
            foreach (var family in Enum.GetValues<TestFamily>())
            {
                Add(path, family);
            }
        }
    }
}
