namespace Culvert.BindingGenerator;

internal static class Program
{
    private static int Main() => 0;
}
