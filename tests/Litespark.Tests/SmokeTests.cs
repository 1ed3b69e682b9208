namespace Litespark.Tests;

public class SmokeTests
{
    [Fact]
    public void A_user_error_keeps_its_message() => Assert.Equal("what, where, what would be right", new UserErrorException("what, where, what would be right").Message);
}
