using Mesh.Actors.Configuration;
using Mesh.Controller.Configuration;

namespace Mesh.Tests.Controller.Configuration;

public sealed class DefaultConfigurationTests
{
    [Fact]
    public void Every_written_default_is_the_one_that_holds()
    {
        var path = Path.GetTempFileName();
        try
        {
            // Only its own part: the other program's keys are refused, as a typing error would be.
            var lines = DefaultConfiguration.All.Keys().Select(key => key.Path).Where(key => key.StartsWith("mesh.controller.", StringComparison.Ordinal)).ToList();
            File.WriteAllText(path, string.Join('\n', lines.Select(key => $"{key} = {Value(key)}")));
            var written = ControllerSettings.Resolve(new SettingFlags { Config = path }, _ => null);
            var defaults = new ControllerSettings();
            Assert.Equal(defaults.Listen, written.Listen);
            Assert.Equal(defaults.Advertise, written.Advertise);
            Assert.Equal(
                defaults with { Listen = [], Advertise = [], Actors = Config.Empty },
                written with { Listen = defaults.Listen.Take(0).ToArray(), Advertise = [], Actors = Config.Empty });
            Assert.Equal(12, lines.Count);
        }
        finally
        {
            File.Delete(path);
        }
    }

    static string Value(string key) => key is "mesh.controller.listen" or "mesh.controller.advertise"
        ? $"[{string.Join(", ", DefaultConfiguration.All.GetStringList(key).Select(item => $"\"{item}\""))}]"
        : $"\"{DefaultConfiguration.All.GetString(key)}\"";
}
