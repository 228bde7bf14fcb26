using Mesh.Actors.Configuration;
using Mesh.Node.Configuration;

namespace Mesh.Tests.Node.Configuration;

public sealed class DefaultConfigurationTests
{
    [Fact]
    public void Every_written_default_is_the_one_that_holds()
    {
        var defaults = new DaemonSettings();
        foreach (var setting in DaemonSettings.Keys.Where(setting => setting.Key != "passphrase-file"))
        {
            var written = DefaultConfiguration.All.GetString($"mesh.{setting.Key}");
            Assert.True(written is not null, $"akka.hocon does not say mesh.{setting.Key}");
            Assert.Equal(defaults with { File = null! }, defaults.With(setting.Key, written) with { File = null! });
        }
    }

    [Fact]
    public void What_a_file_says_to_the_engine_stands_above_the_defaults()
    {
        var said = ConfigurationFactory.ParseString("akka.actor.ask-timeout = 7 s");
        var config = DefaultConfiguration.ForActors(said);
        Assert.Equal(TimeSpan.FromSeconds(7), config.GetTimeSpan("akka.actor.ask-timeout"));
        Assert.Equal(50, config.GetInt("akka.persistence.max-concurrent-recoveries"));
    }
}
