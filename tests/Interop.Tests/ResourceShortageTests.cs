namespace Culvert.Interop.Tests;

public sealed class ResourceShortageTests
{
    [Theory]
    [InlineData(Errno.EMFILE, true)]
    [InlineData(Errno.ENFILE, true)]
    [InlineData(Errno.ENOMEM, true)]
    [InlineData(Errno.ENOENT, false)]
    [InlineData(Errno.ESRCH, false)]
    public void Says_whether_an_error_is_about_what_was_asked_for(int errno, bool isShortage) => Assert.Equal(isShortage, ResourceShortage.Is(new KernelException("look", errno)));

    [Fact]
    public void Knows_the_errors_of_files()
    {
        Assert.False(ResourceShortage.Is(Assert.ThrowsAny<IOException>(() => File.ReadAllText("/nowhere/at/all"))));
    }
}
