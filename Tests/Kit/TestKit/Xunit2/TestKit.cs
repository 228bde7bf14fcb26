using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Configuration;
using Mesh.Actors.Engine.Event;
using Xunit.Abstractions;

namespace Mesh.Actors.Engine.TestKit.Xunit2;

/// <summary>A test class with an actor system of its own, which ends with the test.</summary>
public class TestKit : TestKitBase, IDisposable
{
    protected readonly ITestOutputHelper? Output;

    public TestKit(ActorSystem? system = null, ITestOutputHelper? output = null)
        : base(system, null, null, null) => Output = Initialize(output);

    public TestKit(Config config, string? actorSystemName = null, ITestOutputHelper? output = null)
        : base(null, config, actorSystemName, null) => Output = Initialize(output);

    public TestKit(string config, ITestOutputHelper? output = null)
        : this(ConfigurationFactory.ParseString(config), null, output)
    {
    }

    /// <summary>Runs after the test, before the system ends.</summary>
    protected virtual void AfterAll() { }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        try
        {
            AfterAll();
        }
        finally
        {
            Shutdown();
        }
    }

    ITestOutputHelper? Initialize(ITestOutputHelper? output)
    {
        if (output is not null)
        {
            var system = (ActorSystemImpl)Sys;
            system.EventStream.Subscribe(new OutputLogger(system, output), typeof(LogEvent));
        }
        return output;
    }

    sealed class OutputLogger(ActorSystemImpl system, ITestOutputHelper output) : MinimalActorRef
    {
        public override ActorPath Path { get; } = system.NextTempPath();

        public override ActorSystemImpl System { get; } = system;

        protected override void TellInternal(object message, IActorRef? sender)
        {
            try
            {
                output.WriteLine($"{message}");
            }
            catch (InvalidOperationException)
            {
                // The test has ended while its system still says something: nobody listens any more.
                System.EventStream.Unsubscribe(this);
            }
        }
    }
}
