namespace Mesh.Tests.Engine;

/// <summary>Arguments reach the constructor as the compiler would have passed them, whichever way they are read.</summary>
public sealed class PropsTests() : TestKit("akka { stdout-loglevel = OFF, loglevel = OFF }")
{
    static readonly string _static = "static";
    readonly string _field = "field";

    string Property => _field + "!";

    Inner Nested { get; } = new(42);

    [Fact]
    public async Task Every_kind_of_argument_is_read_as_it_was_written()
    {
        var local = "local";
        var array = new[] { 1, 2, 3 };
        int? none = null;
        Expect("constant", 7, Props.Create(() => new Telling("constant", 7)));
        Expect("local", 3L, Props.Create(() => new Telling(local, (object)(long)array.Length)));
        Expect("field", "field!", Props.Create(() => new Telling(_field, Property)));
        Expect("static", 42, Props.Create(() => new Telling(_static, Nested.Value)));
        Expect("local", 2, Props.Create(() => new Telling(local, array[1])));
        Expect("LOCAL", null, Props.Create(() => new Telling(local.ToUpperInvariant(), none!)));
        Expect("params", 8, Props.Create<Telling>("params", 8));
        Expect("params", null, Props.Create<Telling>("params", null!));
        var type = typeof(Telling);
        Expect("type", DayOfWeek.Friday, Props.Create(type, "type", DayOfWeek.Friday));
        Expect("one", "only one", Props.Create<Telling>("one"));
        // A number that fits after widening, and two constructors of as many parameters: both are the binder's to choose.
        Expect("wide", 5L, Props.Create<Widened>("wide", 5));
        Expect("chosen", 5, Props.Create<Overloaded>(5));
        Expect("chosen", "five", Props.Create<Overloaded>("five"));

        void Expect(string text, object? value, Props props)
        {
            var made = (Telling.Made?)null;
            Sys.ActorOf(props).Tell(new Action<Telling.Made>(each => made = each), TestActor);
            var told = ExpectMsgAsync<string>().AsTask();
            Assert.True(told.Wait(TimeSpan.FromSeconds(10)));
            Assert.Equal(new Telling.Made(text, value), made);
        }

        await ExpectNoMsgAsync(TimeSpan.Zero);
    }

    [Theory]
    [InlineData("expression")]
    [InlineData("only constructor")]
    [InlineData("one of several constructors")]
    [InlineData("no arguments")]
    public async Task What_a_constructor_throws_is_what_the_supervisor_sees(string way)
    {
        Exception? seen = null;
        var strategy = new OneForOneStrategy(cause =>
        {
            seen = cause;
            return Directive.Stop;
        });
        var parent = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        parent.Tell(way switch
        {
            "expression" => Props.Create(() => new Throwing(1)),
            "only constructor" => Props.Create<Throwing>(1),
            "one of several constructors" => Props.Create<Throwing>("text"),
            _ => Props.Create<ThrowingAlone>(),
        }, TestActor);
        await WatchAsync(await ExpectMsgAsync<IActorRef>());
        await ExpectMsgAsync<Terminated>();
        Assert.IsType<ExpectedException>(Assert.IsType<ActorInitializationException>(seen).InnerException);
    }

    [Fact]
    public void An_argument_that_cannot_be_read_throws_where_the_props_are_made()
    {
        Inner? nothing = null;
        Assert.Throws<NullReferenceException>(() => Props.Create(() => new Telling("x", nothing!.Value)));
        Assert.Throws<ExpectedException>(() => Props.Create(() => new Telling("x", Fail)));
    }

    static object Fail => throw new ExpectedException();

    sealed record Inner(int Value);

    class Telling : UntypedActor
    {
        readonly Made _made;

        public Telling(string text, object? value) => _made = new Made(text, value);

        public Telling(string text) => _made = new Made(text, "only one");

        public sealed record Made(string Text, object? Value);

        protected override void OnReceive(object message)
        {
            ((Action<Made>)message)(_made);
            Sender.Tell("told", Self);
        }
    }

    sealed class Widened(string text, long value) : Telling(text, value);

    sealed class Overloaded : Telling
    {
        public Overloaded(int value)
            : base("chosen", value)
        {
        }

        public Overloaded(string value)
            : base("chosen", value)
        {
        }
    }

    sealed class Throwing : UntypedActor
    {
        public Throwing(int number) => throw new ExpectedException($"{number}");

        public Throwing(string text) => throw new ExpectedException(text);

        public Throwing(string text, int number) => throw new ExpectedException($"{text}{number}");

        protected override void OnReceive(object message)
        {
        }
    }

    sealed class ThrowingAlone : UntypedActor
    {
        public ThrowingAlone() => throw new ExpectedException();

        protected override void OnReceive(object message)
        {
        }
    }
}
